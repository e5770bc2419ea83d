/**
 * Throws spoiled SIP at parser, framer, registrar and proxy, in this process and without sockets. Nothing but SipParseError may
 * come out, nothing may take long, and memory may not grow. Runs as long as it likes: ten million inputs take some hours.
 *
 *   npm run fuzz -- --runs 10000000 --seed 7 --report 100000
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
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
/** After the first part of the runs, which fills caches, memory that is in use may grow by so much. */
const GROWTH_BYTES_MAX = 24 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    /** Inputs between two lines of progress. */
    report: { type: 'string', default: '100000' },
  },
})
const runs = Number(values.runs)
const reportEvery = Math.max(1, Number(values.report) || 100_000)
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
    if (message.kind === 'request' && message.method !== 'ACK') setImmediate(() => answer(bytes))
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

/** Milliseconds of processor time per input and part, in classes that grow by a tenth: any number of inputs in little room. */
class Times {
  readonly #classes = new Uint32Array(200)
  max = 0
  #count = 0

  add(ms: number): void {
    const index = Math.max(0, Math.min(199, Math.round(Math.log(Math.max(ms, 1e-3) / 1e-3) / Math.log(1.1))))
    this.#classes[index] = (this.#classes[index] ?? 0) + 1
    this.max = Math.max(this.max, ms)
    this.#count++
  }

  quantile(share: number): number {
    let left = share * this.#count
    for (const [index, count] of this.#classes.entries()) {
      left -= count
      if (left <= 0) return 1e-3 * 1.1 ** index
    }
    return this.max
  }
}

const times = new Times()

/** Bytes that are in use after a collection. */
function inUse(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Everything comes to its end: answers on their way, what they set going, and its timers. What does not is a finding. */
async function calm(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await settle()
    await clock.advance(400_000)
  }
  const { transactions, proxy } = stack.snapshot() as Record<string, Record<string, unknown>>
  if (transactions?.servers === 0 && transactions.clients === 0 && proxy?.forks === 0) return
  found.push(`left over: ${JSON.stringify({ transactions, proxy })}`)
}

const STATUSES = [100, 180, 183, 200, 202, 302, 401, 407, 408, 481, 486, 500, 503, 603]

/** The device's answer to what the stack has sent it, half of the time spoiled. */
function answer(bytes: Buffer): void {
  let request: SipMessage
  try {
    request = parseMessage(bytes)
  } catch (error) {
    // With what a proxy adds, a message may have more header fields than the next one reads.
    if (error instanceof SipParseError) return
    throw error
  }
  if (request.kind !== 'request') return
  const status = STATUSES[random.int(STATUSES.length)] as number
  const whole = serializeMessage(makeResponse(request, status, undefined, { toTag: 'b', recordRoute: true }))
  const sent = random.int(2) === 0 ? whole : mutate(random, [whole])
  watch('stack, answered', sent, -1, () => {
    const response = parseMessage(Buffer.from(sent))
    validateMessage(response)
    transport.onMessage?.(response, { transport: 'udp', remote: local, local, flow: 'f' })
  })
}

/** Runs `work`; what it throws or how long it takes is noted, unless a peer may cause it. */
function watch(what: string, input: Buffer, run: number, work: () => void): void {
  // Time of this thread on a processor: others may use it too, and what collects garbage beside it is another matter.
  const started = process.threadCpuUsage()
  try {
    work()
  } catch (error) {
    if (!(error instanceof SipParseError)) report(`${what} threw ${stackOf(error)}`, input, run)
  }
  const { user, system } = process.threadCpuUsage(started)
  const took = (user + system) / 1_000
  times.add(took)
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
let settledBytes: number | undefined
let grown = 0
const startedAt = performance.now()
const mega = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`
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
  if ((run + 1) % reportEvery === 0) {
    await calm()
    const bytes = inUse()
    settledBytes ??= bytes
    // Once may be what a collection has not come to yet.
    grown = bytes > settledBytes + GROWTH_BYTES_MAX ? grown + 1 : 0
    if (grown === 3) found.push(`memory grew from ${mega(settledBytes)} to ${mega(bytes)}`)
    const seconds = (performance.now() - startedAt) / 1_000
    console.log(
      `${run + 1} inputs, ${Math.round((run + 1) / seconds)}/s, ${mega(bytes)} in use, ` +
        `p50 ${times.quantile(0.5).toFixed(3)} ms, p99.9 ${times.quantile(0.999).toFixed(2)} ms, max ${times.max.toFixed(1)} ms`,
    )
  }
  if (run % 50 === 0) {
    await settle()
    await clock.advance(40_000)
    const { length } = found
    if (length > 20) break
  }
}
await calm()
await stack.stop()
if (clock.armed > 0) found.push(`${clock.armed} timers left`)

console.log(`time per input and part: p50 ${times.quantile(0.5).toFixed(3)} ms, max ${times.max.toFixed(1)} ms`)
console.log(`${runs} runs from seed ${seed}: ${understood} understood, ${found.length} findings`)
for (const text of found) console.log(`  ${text}`)
process.exit(found.length === 0 ? 0 : 1)
