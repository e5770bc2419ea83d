/** Password guessing, extension guessing and scans against three real nodes (SE-03): what one node sees counts at all. */
import { resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { run } from '../support/programs.ts'
import { answerTo, RawSip } from '../support/raw-sip.ts'
import { header, type SipText, statusOf } from '../support/sip-message.ts'

const test = suite('e2e: guard')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const LIMIT = 10

let cluster: Cluster
const node = (number: number): string => cluster.nodes[number - 1]?.address ?? ''
const command = (number: number, ...words: string[]): ReturnType<typeof run> =>
  run(process.execPath, [bin, ...words, '--data', cluster.nodes[number - 1]?.data ?? ''], { timeoutMs: 30_000 })

test.before(async () => {
  cluster = await startCluster({ net: '127.34.2', nodes: 3, options: ['--guard-failures', String(LIMIT)] })
  await cluster.settled()
  for (const user of ['alice', 'bob']) {
    await cluster.nodes[0]?.operations.accountAdd({ aor: `${user}@thor.local`, password: 'rabbit' })
  }
})
test.after(() => cluster?.stop())

async function attacker(address: string, work: (raw: RawSip) => Promise<void>): Promise<void> {
  const raw = await new RawSip(address).start()
  try {
    await work(raw)
  } finally {
    await raw.stop()
  }
}

const registerOf = (user: string) => ({ method: 'REGISTER', uri: 'sip:thor.local', from: `${user}@thor.local` })

/** One guess as `svcrack` makes it; undefined when nobody answers any more. */
async function guess(raw: RawSip, address: string, user: string, password: string): Promise<SipText | undefined> {
  const request = registerOf(user)
  const challenge = await raw.ask(address, request, 1_000)
  if (challenge === undefined || statusOf(challenge) !== 401) return challenge
  const answer = answerTo(challenge, request, { user, password })
  return raw.ask(address, { ...request, cseq: 2, headers: [answer] }, 1_000)
}

/** Milliseconds until all three refuse a new request from there, or say nothing. */
async function refusedEverywhere(raw: RawSip): Promise<number> {
  const startedAt = performance.now()
  await eventually(
    async () => {
      const answers = await Promise.all([1, 2, 3].map((one) => raw.ask(node(one), registerOf('carol'), 300)))
      return answers.every((answer) => answer === undefined || statusOf(answer) === 403)
    },
    5_000,
    'all nodes to refuse',
  )
  return performance.now() - startedAt
}

test(
  'svcrack: guesses spread over three nodes are counted together, and refused at all of them; the right password too',
  deadline(60_000, () =>
    attacker('127.34.2.50', async (raw) => {
      let failed = 0
      let last: SipText | undefined
      for (let i = 0; i < 3 * LIMIT; i++) {
        last = await guess(raw, node(1 + (i % 3)), 'alice', `guess${i}`)
        if (last === undefined || header(last, 'Retry-After')) break
        assert.is(statusOf(last), 403)
        failed++
      }
      assert.ok(failed >= LIMIT - 1 && failed <= LIMIT + 3, `${failed} guesses`)
      await refusedEverywhere(raw)
      const right = await guess(raw, node(2), 'alice', 'rabbit')
      assert.ok(right === undefined || statusOf(right) === 403)
    }),
  ),
)

test(
  'the account is closed to other strangers as well, and so is one that does not exist; its owner goes on',
  deadline(60_000, async () => {
    const bob = await new Phone({ user: 'bob', password: 'rabbit', address: '127.34.2.60', proxy: node(1) }).start()
    try {
      assert.is(statusOf(await bob.register()), 200)
      for (const user of ['bob', 'nobody']) {
        // Each from another address: only the account is what they have in common.
        for (let i = 0; i < LIMIT + 3; i++) {
          await attacker(`127.34.2.${(user === 'bob' ? 100 : 150) + i}`, async (raw) => {
            const answer = await guess(raw, node(1 + (i % 3)), user, `guess${i}`)
            assert.is(answer && statusOf(answer), 403)
          })
        }
        await attacker('127.34.2.99', async (raw) => {
          const answer = await guess(raw, node(3), user, 'rabbit')
          assert.is(answer && statusOf(answer), 403, `${user}, with the right password`)
          assert.ok(Number(answer && header(answer, 'Retry-After')) > 500)
        })
      }
      assert.is(statusOf(await bob.register()), 200, 'from where he came before')
      const unblocked = await command(3, 'guard', 'unblock', 'bob@thor.local')
      assert.is(unblocked.code, 0, unblocked.stderr)
      await eventually(
        () =>
          new Promise<boolean>((done) =>
            attacker('127.34.2.98', async (raw) => {
              const answer = await guess(raw, node(1), 'bob', 'rabbit')
              done(answer !== undefined && statusOf(answer) === 200)
            }),
          ),
        5_000,
        'unblocked everywhere',
      )
    } finally {
      await bob.stop()
    }
  }),
)

for (const [name, method, address] of [
  ['REGISTER', 'REGISTER', '127.34.2.51'],
  ['INVITE', 'INVITE', '127.34.2.52'],
  ['OPTIONS', 'OPTIONS', '127.34.2.53'],
] as const) {
  test(
    `svwar: guessing extensions by ${name} tells nothing and ends in silence`,
    deadline(60_000, () =>
      attacker(address, async (raw) => {
        const seen = new Set<number>()
        let silent = false
        // Nodes tell each other every 100 ms: how many guesses that is, depends on the machine.
        for (let i = 0; i < 200 * LIMIT && !silent; i++) {
          const user = `${1_000 + i}`
          const uri = method === 'REGISTER' ? 'sip:thor.local' : `sip:${user}@thor.local`
          const answer = await raw.ask(node(1 + (i % 3)), { method, uri, from: `${user}@thor.local` }, 300)
          if (answer === undefined) silent = true
          else seen.add(statusOf(answer))
        }
        assert.ok(silent, 'all guesses were answered')
        assert.equal([...seen].sort(), [method === 'REGISTER' ? 401 : 403, method === 'REGISTER' ? 403 : 407])
        await refusedEverywhere(raw)
      }),
    ),
  )
}

test(
  'svmap: a scanner that says its name gets no answer, and then none anywhere',
  deadline(30_000, () =>
    attacker('127.34.2.54', async (raw) => {
      const options = {
        method: 'OPTIONS',
        uri: `sip:${node(1)}`,
        from: '100@1.1.1.1',
        headers: [['User-Agent', 'friendly-scanner']] as [string, string][],
      }
      assert.is(await raw.ask(node(1), options, 500), undefined)
      await eventually(
        async () => (await raw.ask(node(2), { ...options, headers: [] }, 300)) === undefined,
        5_000,
        'silence at the second node',
      )
      await attacker('127.34.2.55', async (other) => {
        const answer = await other.ask(node(2), { ...options, headers: [] })
        assert.is(answer && statusOf(answer), 200, 'others are answered')
      })
    }),
  ),
)

test(
  'any node tells who is blocked; status shows an alarm; an operator ends a block everywhere',
  deadline(30_000, async () => {
    const { stdout, stderr } = await command(2, 'guard', 'list', '--json')
    assert.ok(stdout, stderr)
    const names = JSON.parse(stdout).blocks.map(({ name }: { name: string }) => name)
    for (const name of ['127.34.2.50', '127.34.2.54', 'nobody@thor.local']) assert.ok(names.includes(name), name)
    const status = await cluster.nodes[2]?.operations.status()
    for (const { name, alarms } of status?.nodes ?? []) {
      assert.ok(
        alarms.some(({ kind }) => kind === 'attack'),
        name,
      )
    }
    assert.is((await command(1, 'guard', 'unblock', '127.34.2.54')).code, 0)
    const again = await command(1, 'guard', 'unblock', '127.34.2.54')
    assert.is(again.code, 1)
    assert.match(again.stderr, 'is not blocked')
    await attacker('127.34.2.54', async (raw) => {
      await eventually(
        async () => {
          const answers = await Promise.all([1, 2, 3].map((one) => raw.ask(node(one), registerOf('alice'), 300)))
          return answers.every((answer) => answer !== undefined && statusOf(answer) === 401)
        },
        5_000,
        'heard by all again',
      )
    })
  }),
)

test.run()
