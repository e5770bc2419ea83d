/** Trusted peers and access lists on real nodes (SIP-22, SIP-07): who needs no digest, where to, and how much at once. */
import { resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { Phone } from '../support/phone.ts'
import { run } from '../support/programs.ts'
import { RawSip } from '../support/raw-sip.ts'
import { statusOf } from '../support/sip-message.ts'

const test = suite('e2e: peers')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const GATEWAY = '127.34.3.50'

let cluster: Cluster
let gateway: RawSip
let stranger: RawSip
const node = (number: number): string => cluster.nodes[number - 1]?.address ?? ''
const command = (...words: string[]): ReturnType<typeof run> =>
  run(process.execPath, [bin, ...words, '--data', cluster.nodes[0]?.data ?? ''], { timeoutMs: 30_000 })

test.before(async () => {
  cluster = await startCluster({ net: '127.34.3', nodes: 2, options: ['--sip-trusted', '127.34.3.77'] })
  await cluster.settled()
  await cluster.nodes[0]?.operations.accountAdd({ aor: 'bob@thor.local', password: 'rabbit' })
  gateway = await new RawSip(GATEWAY).start()
  stranger = await new RawSip('127.34.3.51').start()
})
test.after(async () => {
  await Promise.all([gateway?.stop(), stranger?.stop()])
  await cluster?.stop()
})

const message = (from: string, uri = 'sip:nobody@thor.local') => ({ method: 'MESSAGE', uri, from, body: 'x' })
const status = async (raw: RawSip, number: number, request: Parameters<RawSip['ask']>[1]): Promise<number> => {
  const answer = await raw.ask(node(number), request)
  return answer ? statusOf(answer) : 0
}

test(
  'a peer added at one node needs no digest at any, whoever stands in From; others do, and nobody relays unless allowed',
  deadline(60_000, async () => {
    assert.is(await status(gateway, 2, message('alice@thor.local')), 407)
    const added = await command('peer', 'add', 'trunk', '--from', `${GATEWAY}/32`, '--domain', 'thor.local')
    assert.is(added.code, 0, added.stderr)
    for (const number of [1, 2]) {
      await eventually(
        async () => (await status(gateway, number, message('alice@thor.local'))) === 404,
        5_000,
        `node ${number} to trust it`,
      )
      assert.is(await status(gateway, number, message('+4930123@elsewhere.example')), 404)
      assert.is(await status(stranger, number, message('alice@thor.local')), 407)
      assert.is(await status(gateway, number, message('a@b.example', 'sip:x@203.0.113.9')), 403, 'no relay')
      assert.is(await status(stranger, number, message('a@b.example', 'sip:x@203.0.113.9')), 403)
    }
    const configured = await new RawSip('127.34.3.77').start()
    assert.is(await status(configured, 1, message('alice@thor.local')), 404)
    await configured.stop()
    const audited = cluster.nodes[0]?.output() ?? ''
    assert.match(audited, /trusted peer set/)
  }),
)

test(
  'a number that it dials is of its domain, and its calls are limited over both nodes',
  deadline(60_000, async () => {
    const bob = await new Phone({ user: 'bob', password: 'rabbit', address: '127.34.3.60', proxy: node(1) }).start()
    const trunk = await new Phone({
      user: '+4930123',
      password: '',
      domain: 'carrier.example',
      address: GATEWAY,
      proxy: node(1),
    }).start()
    try {
      await bob.register()
      const limited = ['--from', GATEWAY, '--domain', 'thor.local', '--calls', '1']
      assert.is((await command('peer', 'add', 'trunk', ...limited)).code, 0)
      const { status: first, dialog } = await trunk.call(`bob@${node(1)}`)
      assert.is(first, 200, 'a user at the node’s address is one of its domain')
      await eventually(
        async () => (await cluster.nodes[1]?.operations.peerList())?.peers[0]?.calls === 1,
        5_000,
        'the other node to know of the call',
      )
      assert.is((await trunk.call('bob@thor.local', { proxy: node(2) })).status, 503)
      const { stdout } = await command('peer', 'list', '--json')
      assert.is(JSON.parse(stdout).peers[0].calls, 1)
      if (dialog) assert.is(await trunk.bye(dialog), 200)
      await eventually(
        async () => (await cluster.nodes[1]?.operations.peerList())?.peers[0]?.calls === 0,
        5_000,
        'the end to be known',
      )
      const again = await trunk.call('bob@thor.local', { proxy: node(2) })
      assert.is(again.status, 200)
      if (again.dialog) await trunk.bye(again.dialog, { proxy: node(2) })
    } finally {
      await Promise.all([bob.stop(), trunk.stop()])
    }
  }),
)

test(
  'a peer that is removed is nobody again; wrong words are refused',
  deadline(60_000, async () => {
    assert.is((await command('peer', 'remove', 'trunk')).code, 0)
    await eventually(
      async () => (await status(gateway, 2, message('alice@thor.local'))) === 407,
      15_000,
      'both nodes to trust it no more',
    )
    assert.is((await command('peer', 'remove', 'trunk')).code, 1)
    assert.is((await command('peer', 'add', 'x', '--from', '300.1.1.1')).code, 2)
    assert.is((await command('peer', 'add', 'x')).code, 2)
  }),
)

test.run()
