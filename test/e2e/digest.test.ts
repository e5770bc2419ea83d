/** Digest over three real nodes (SIP-04, SIP-05): a raw client does what phones do not. */
import type { DigestAlgorithm } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { answerTo, type RawRequest, RawSip, type Secret } from '../support/raw-sip.ts'
import { headers, type SipText, statusOf } from '../support/sip-message.ts'

const test = suite('e2e: digest')

let cluster: Cluster
let raw: RawSip
const node = (number: number): string => cluster.nodes[number - 1]?.address ?? ''
const ALICE: Secret = { user: 'alice', password: 'rabbit' }
const AOR = 'alice@thor.local'

test.before(async () => {
  cluster = await startCluster({
    net: '127.34.1',
    nodes: 3,
    options: ['--sip-algorithms', 'MD5,SHA-256,SHA-512-256', '--sip-qop', 'auth,auth-int'],
  })
  await cluster.settled()
  for (const user of ['alice', 'bob']) {
    await cluster.nodes[0]?.operations.accountAdd({ aor: `${user}@thor.local`, password: 'rabbit' })
  }
  raw = await new RawSip('127.34.1.50').start()
})
test.after(async () => {
  await raw?.stop()
  await cluster?.stop()
})

const register: RawRequest = { method: 'REGISTER', uri: 'sip:thor.local', from: AOR }

async function asked(address: string, request: RawRequest): Promise<SipText> {
  const response = await raw.ask(address, request)
  assert.ok(response, `${request.method} is answered`)
  return response as SipText
}
const isStale = (response: SipText): boolean => /stale=true/.test(headers(response, 'WWW-Authenticate')[0] ?? '')

test(
  'a nonce of one node is good at another, once: whoever copies the answer gets in nowhere',
  deadline(30_000, async () => {
    const challenge = await asked(node(1), register)
    assert.is(statusOf(challenge), 401)
    const answer = answerTo(challenge, register, ALICE)
    assert.is(statusOf(await asked(node(2), { ...register, cseq: 2, headers: [answer] })), 200)
    for (const number of [1, 2, 3, 1, 2, 3]) {
      const again = await asked(node(number), { ...register, cseq: 3, headers: [answer] })
      assert.is(statusOf(again), 401, `node ${number}`)
      assert.ok(isStale(again))
    }
    const counted = answerTo(challenge, register, { ...ALICE, nc: 2 })
    assert.is(statusOf(await asked(node(3), { ...register, cseq: 4, headers: [counted] })), 200, 'the next count')
    const skipped = answerTo(challenge, register, { ...ALICE, nc: 9 })
    assert.is(
      statusOf(await asked(node(1), { ...register, cseq: 5, headers: [skipped] })),
      200,
      'counts may be left out',
    )
    const late = answerTo(challenge, register, { ...ALICE, nc: 8 })
    assert.is(statusOf(await asked(node(2), { ...register, cseq: 6, headers: [late] })), 200, 'and come late')
    const used = answerTo(challenge, register, { ...ALICE, nc: 9 })
    assert.is(statusOf(await asked(node(3), { ...register, cseq: 7, headers: [used] })), 401, 'but not twice')
  }),
)

for (const algorithm of ['MD5', 'SHA-256', 'SHA-512-256'] satisfies DigestAlgorithm[]) {
  for (const qop of ['auth', 'auth-int'] as const) {
    test(
      `${algorithm} with ${qop}`,
      deadline(30_000, async () => {
        const message = { method: 'MESSAGE', uri: 'sip:nobody@thor.local', from: AOR, body: 'hello' }
        const challenge = await asked(node(1), message)
        const answer = answerTo(challenge, message, { ...ALICE, algorithm, qop })
        const changed = await asked(node(2), { ...message, body: 'hallo', headers: [answer] })
        assert.is(statusOf(changed) === 403, qop === 'auth-int', 'a changed body is noticed')
        if (qop === 'auth') return
        const taken = await asked(node(3), { ...message, cseq: 2, headers: [answer] })
        assert.is(statusOf(taken), 404, 'let in, and there is nobody')
      }),
    )
  }
}

test(
  'whatever begins something is challenged, what goes on in a dialog is not',
  deadline(60_000, async () => {
    for (const method of ['INVITE', 'MESSAGE', 'SUBSCRIBE', 'PUBLISH', 'REFER', 'NOTIFY', 'OPTIONS', 'INFO', 'FOO']) {
      const response = await asked(node(1), { method, uri: 'sip:bob@thor.local', from: AOR, to: 'bob@thor.local' })
      assert.is(statusOf(response), 407, method)
    }
    assert.is(statusOf(await asked(node(1), register)), 401)
    const of = (user: string, address: string, proxy: string): Promise<Phone> =>
      new Phone({ user, password: 'rabbit', address, proxy }).start()
    const [alice, bob] = await Promise.all([of('alice', '127.34.1.51', node(1)), of('bob', '127.34.1.52', node(2))])
    try {
      await Promise.all([alice.register(), bob.register()])
      const { status, dialog } = await alice.call('bob')
      assert.is(status, 200)
      if (!dialog) return
      const info = await alice.request('INFO', dialog.target, { dialog, authenticate: false })
      assert.is(statusOf(info), 200)
      assert.is(await alice.bye(dialog, { authenticate: false }), 200)
    } finally {
      await Promise.all([alice.stop(), bob.stop()])
    }
  }),
)

test.run()
