/**
 * Throws spoiled SIP at parser, framer, registrar and proxy, in this process and without sockets. Nothing but SipParseError may
 * come out, and nothing may take long.
 *
 *   npm run fuzz -- --runs 100000 --seed 7
 */
import { parseArgs } from 'node:util'
import { type Logger, silentLogger } from '@thor-node/core'
import { SimClock, SimRandom, settle } from '@thor-node/core/testing'
import {
  equalUris,
  makeResponse,
  parseMessage,
  parseUri,
  type SipMessage,
  SipParseError,
  SipStack,
  StreamFramer,
  serializeMessage,
  type TransportLayer,
  validateMessage,
} from '@thor-node/sip'
import { mutate, seedMessages } from '../../packages/sip/test/mutate.ts'

const SLOW_MS = 50

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed)) {
  console.error('--runs and --seed are whole numbers')
  process.exit(2)
}

const found: string[] = []
const random = new SimRandom(seed)
const clock = new SimClock()
const local = { host: '127.0.0.1', port: 5060 }

const logger: Logger = {
  ...silentLogger,
  forComponent: () => logger,
  error: (message, fields) => found.push(`logged: ${message} ${stackOf(fields?.error)}`),
}

const transport: TransportLayer = {
  listening: [{ transport: 'udp', local }],
  start: async () => undefined,
  stop: async () => undefined,
  async send(message) {
    const bytes = serializeMessage(message)
    if (message.kind === 'request' && message.method !== 'ACK') setImmediate(() => answer(parseMessage(bytes)))
  },
  sendBytes: async () => undefined,
  remoteOf: () => ({ transport: 'udp', remote: local }),
  isOpen: () => true,
  onMessage: undefined,
  onFlowClosed: undefined,
  snapshot: () => ({}),
}

/** Lets everybody in and rings one device. */
const stack = new SipStack({
  clock,
  random: new SimRandom(seed),
  logger,
  transport,
  home: {
    servesDomain: (domain) => domain === 'example.com',
    admit: async ({ from }) => ({ verdict: 'admit', account: from, identity: from, groups: [], callLimit: 0 }),
    plan: async ({ aor }) => {
      const target = { uri: 'sip:bob@127.0.0.1:9', edge: 'self', flow: 'f', path: [], q: 1_000 }
      return { verdict: 'ring', account: aor, targets: [target] }
    },
    unbind: async () => undefined,
    keep: async () => 'full',
    kept: async () => [],
    delivered: async () => undefined,
    bind: async ({ contacts }) => {
      const all = contacts === 'all' ? [] : contacts
      return {
        verdict: 'bound',
        contacts: all.map(({ contact, params, q, expires }) => ({ contact, params, q, expires })),
      }
    },
  },
  media: { rewrite: async ({ sdp }) => sdp },
  calls: {
    refreshed: async () => undefined,
    newCallUuid: () => 'abc-0123456789abcdef01234567',
    answered: async () => undefined,
    ended: async () => undefined,
    failed: async () => undefined,
  },
  ring: {
    self: 'self',
    cookieKey: new Uint8Array(32),
    nodeAt: () => undefined,
    sendOnFlow: async () => undefined,
    passResponse: async () => undefined,
  },
  resolve: { resolve: async () => [] },
})

const STATUSES = [100, 180, 183, 200, 202, 302, 401, 407, 408, 481, 486, 500, 503, 603]

/** The device's answer to what the stack has sent it, half of the time spoiled. */
function answer(request: SipMessage): void {
  if (request.kind !== 'request') return
  const status = STATUSES[random.int(STATUSES.length)] as number
  const whole = serializeMessage(makeResponse(request, status, undefined, { toTag: 'b', recordRoute: true }))
  const bytes = random.int(2) === 0 ? whole : mutate(random, [whole])
  watch('stack, answered', bytes, -1, () => {
    const response = parseMessage(Buffer.from(bytes))
    validateMessage(response)
    transport.onMessage?.(response, { transport: 'udp', remote: local, local, flow: 'f' })
  })
}

/** Runs `work`; what it throws or how long it takes is noted, unless a peer may cause it. */
function watch(what: string, input: Buffer, run: number, work: () => void): void {
  // Time on a processor: others may use it too.
  const started = process.cpuUsage()
  try {
    work()
  } catch (error) {
    if (!(error instanceof SipParseError)) report(`${what} threw ${stackOf(error)}`, input, run)
  }
  const { user, system } = process.cpuUsage(started)
  const took = (user + system) / 1_000
  if (took > SLOW_MS) report(`${what} took ${took.toFixed(0)} ms`, input, run)
}

function report(text: string, input: Buffer, run: number): void {
  found.push(text)
  console.error(`run ${run}: ${text}\n  input (base64): ${input.toString('base64').slice(0, 1_000)}`)
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

function readAll(message: SipMessage): void {
  validateMessage(message)
  void [message.contacts, message.routes, message.recordRoutes]
  const again = parseMessage(serializeMessage(message))
  validateMessage(again)
  if (message.kind === 'request') equalUris(parseUri(message.uri), message.requestUri)
}

process.on('uncaughtException', (error) => found.push(`uncaught: ${stackOf(error)}`))
process.on('unhandledRejection', (error) => found.push(`unhandled: ${stackOf(error)}`))

const seeds = seedMessages()
await stack.start()
let understood = 0
for (let run = 0; run < runs; run++) {
  const input = mutate(random, seeds)
  let message: SipMessage | undefined
  watch('parser', input, run, () => {
    message = parseMessage(Buffer.from(input))
    readAll(message)
  })
  watch('framer', input, run, () => {
    const framer = new StreamFramer()
    const step = 1 + random.int(400)
    for (let at = 0; at < input.length; at += step) framer.push(Buffer.from(input.subarray(at, at + step)))
  })
  const parsed = message
  if (parsed) {
    watch('stack', input, run, () => {
      validateMessage(parsed)
      understood++
      transport.onMessage?.(parsed, { transport: 'udp', remote: local, local, flow: `f${run}` })
    })
  }
  if (run % 50 === 0) {
    await settle()
    await clock.advance(40_000)
    const { length } = found
    if (length > 20) break
  }
}
await clock.advance(400_000)
const { transactions, proxy } = stack.snapshot() as Record<string, Record<string, unknown>>
if (transactions?.servers !== 0 || transactions.clients !== 0 || proxy?.forks !== 0) {
  found.push(`left over: ${JSON.stringify({ transactions, proxy })}`)
}
await stack.stop()
if (clock.armed > 0) found.push(`${clock.armed} timers left`)

console.log(`${runs} runs from seed ${seed}: ${understood} understood, ${found.length} findings`)
for (const text of found) console.log(`  ${text}`)
process.exit(found.length === 0 ? 0 : 1)
