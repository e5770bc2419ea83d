import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderBanner } from '../../src/cli/banner.ts'
import { type JoinProcess, runJoin } from '../../src/cli/join.ts'
import type { Config } from '../../src/config.ts'
import type { RunningNode, StartOptions } from '../../src/control/contract.ts'
import { plain } from '../../src/status/paint.ts'
import { FakeOperations, fakeBanner } from '../control/fake.ts'
import { type TestConsole, testConsole } from './fixtures.ts'

const join = suite('join')

/** A process that records, and a node that does what the test says. */
class Harness implements JoinProcess {
  readonly exits: number[] = []
  readonly console: TestConsole = testConsole(new FakeOperations())
  stops = 0
  config: Config | undefined
  options: StartOptions | undefined
  signal: (signal: string) => void = () => undefined
  uncaught: (error: unknown) => void = () => undefined
  readonly starting = Promise.withResolvers<void>()
  readonly stopping = Promise.withResolvers<void>()
  readonly fatal = Promise.withResolvers<Error>()
  readonly left = Promise.withResolvers<void>()

  readonly startNode = async (config: Config, options: StartOptions): Promise<RunningNode> => {
    this.config = config
    this.options = options
    await this.starting.promise
    const stop = (): Promise<void> => {
      this.stops++
      return this.stopping.promise
    }
    return {
      operations: new FakeOperations(),
      banner: fakeBanner,
      stop,
      fatal: this.fatal.promise,
      left: this.left.promise,
    }
  }

  onSignal(listener: (signal: string) => void): void {
    this.signal = listener
  }

  onUncaught(listener: (error: unknown) => void): void {
    this.uncaught = listener
  }

  exit(code: number): void {
    this.exits.push(code)
  }

  run(options: Record<string, unknown> = {}, invite?: string): Promise<number> {
    return runJoin(this.console, invite, { logLevel: 'error', ...options }, this)
  }
}

async function running(options?: Record<string, unknown>, invite?: string): Promise<[Harness, Promise<number>]> {
  const harness = new Harness()
  harness.starting.resolve()
  const code = harness.run(options, invite)
  await settle()
  return [harness, code]
}

join(
  'starts the node with the settings and the invite, prints the banner, and stops at a signal',
  deadline(5_000, async () => {
    const [harness, code] = await running({ sipUdp: '5070', data: '/srv/n1' }, 'thor1abc')
    assert.is(harness.config?.sip.udp, 5070)
    assert.is(harness.options?.invite, 'thor1abc')
    assert.match(harness.console.out.join('\n'), 'npx thor-node account add alice@thor.local --data /srv/n1')
    harness.signal('SIGTERM')
    harness.stopping.resolve()
    assert.is(await code, 0)
    assert.is(harness.stops, 1)
    assert.equal(harness.exits, [])
  }),
)

join(
  'a second signal ends the process at once',
  deadline(5_000, async () => {
    const [harness] = await running()
    harness.signal('SIGINT')
    await settle()
    assert.equal(harness.exits, [])
    harness.signal('SIGINT')
    assert.equal(harness.exits, [130])
  }),
)

join(
  'a stop that takes too long is cut short',
  deadline(5_000, async () => {
    const [harness, code] = await running({ shutdownLimit: '3s' })
    harness.signal('SIGTERM')
    await harness.console.clock.advance(3_000)
    assert.is(await code, 1)
  }),
)

join(
  'a stop that fails is told by the exit code',
  deadline(5_000, async () => {
    const [harness, code] = await running({ logFormat: 'json', logLevel: 'error' })
    harness.signal('SIGTERM')
    harness.stopping.reject(new Error('disk'))
    assert.is(await code, 1)
  }),
)

join(
  'a node that cannot go on is stopped and ends the process with a message',
  deadline(5_000, async () => {
    const [harness, code] = await running()
    harness.fatal.resolve(new Error('the disk failed'))
    harness.stopping.resolve()
    assert.is(await code, 1)
    assert.is(harness.stops, 1)
    assert.equal(harness.console.errors, ['thor-node ends: the disk failed'])
  }),
)

join(
  'a node that has left the ring stops, and that is no failure',
  deadline(5_000, async () => {
    const [harness, code] = await running({ logFormat: 'json', logLevel: 'error' })
    harness.left.resolve()
    harness.stopping.resolve()
    assert.is(await code, 0)
    assert.is(harness.stops, 1)
  }),
)

join(
  'an error that nobody caught is no end for a running node',
  deadline(5_000, async () => {
    const [harness, code] = await running({ logFormat: 'json', logLevel: 'error' })
    harness.uncaught(new Error('a packet that nobody foresaw'))
    await settle()
    assert.is(harness.stops, 0)
    harness.signal('SIGTERM')
    harness.stopping.resolve()
    assert.is(await code, 0)
  }),
)

join(
  'a signal while starting undoes what was started',
  deadline(5_000, async () => {
    const harness = new Harness()
    const code = harness.run()
    await settle()
    harness.signal('SIGINT')
    await settle()
    harness.starting.resolve()
    harness.stopping.resolve()
    assert.is(await code, 0)
    assert.is(harness.stops, 1)
  }),
)

join(
  'a node that does not start fails with its error',
  deadline(5_000, async () => {
    const harness = new Harness()
    harness.starting.reject(new Error('the invite was used'))
    await harness.run().then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, 'the invite was used'),
    )
  }),
)

join('the banner tells where it listens and what to do next', () => {
  const text = renderBanner(fakeBanner, plain)
  for (const part of [
    'Node n1 serves thor.local. It is the first node of a new ring.',
    '192.0.2.1:5060 (UDP and TCP)',
    'http://192.0.2.1:9200/   user admin, password: npx thor-node admin password',
    '192.0.2.1:1053 (UDP and TCP)',
    '/var/lib/thor-node/control.sock',
    'Note: DNS answers on port 1053 instead of 53',
    'npx thor-node account add alice@thor.local',
    'outbound proxy 192.0.2.1:5060',
    'npx thor-node join thor1abc',
  ]) {
    assert.match(text, part)
  }
})

join('the banner of a node that found no quorum for an invite says how to get one', () => {
  const { invite: _, inviteExpiresAt: __, ...alone } = fakeBanner
  const text = renderBanner(alone, plain)
  assert.match(text, 'as soon as the ring answers:\n  npx thor-node invite')
  assert.ok(!text.includes('undefined'))
})

join('the banner quotes a directory that a shell would take apart', () => {
  assert.match(renderBanner(fakeBanner, plain, "/a b/it's"), `npx thor-node status --data '/a b/it'\\''s'`)
})

join('the banner of a node with other ports and no SOAP says that', () => {
  const tcp = { host: '2001:db8::1', port: 5062 }
  const text = renderBanner({ ...fakeBanner, firstNode: false, nodes: 3, sipTcp: tcp, soapUrl: undefined }, plain)
  assert.match(text, 'The ring has 3 live nodes.')
  assert.match(text, '192.0.2.1:5060 (UDP), [2001:db8::1]:5062 (TCP)')
  assert.match(text, /SOAP +off/)
})

join.run()
