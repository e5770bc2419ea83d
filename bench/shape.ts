/**
 * What a second core could bring to signalling: datagrams handed from a front thread, which owns the socket, to threads that own
 * SIP, through rings in shared memory; and how the kernel shares datagrams among sockets of one port (SO_REUSEPORT).
 *
 *   node bench/shape.ts [--count 200000] [--seconds 5]
 *
 *   one loop   a thread parses REGISTERs that it makes itself, and answers 401: what SIP costs without any hand-over
 *   ring       a front copies the same datagrams into a ring, by a hash of Call-ID, and takes the answers out of another
 *   reuseport  so many datagrams of one client, and of sixty-four, at each of two sockets
 *
 * CPU is that of the thread. Nothing here is a part of the node: see docs/adr/0020-process-shape.md.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { makeResponse, parseMessage, serializeMessage, validateMessage } from '@thor-node/sip'

const { values } = parseArgs({ options: { count: { type: 'string', default: '200000' } } })
const count = Number(values.count)
const SLOT = 2_048
const SLOTS = 4_096
const BATCH = 64

/** One writer, one reader. Slots of a length and that many bytes; `head` and `tail` only grow. */
class Ring {
  readonly #bytes: Buffer
  readonly #marks: Int32Array
  readonly memory: { bytes: SharedArrayBuffer; marks: SharedArrayBuffer }

  constructor(memory: Ring['memory']) {
    this.memory = memory
    this.#bytes = Buffer.from(memory.bytes)
    this.#marks = new Int32Array(memory.marks)
  }

  static make(): Ring {
    return new Ring({ bytes: new SharedArrayBuffer(SLOT * SLOTS), marks: new SharedArrayBuffer(8) })
  }

  /** False: it is full. */
  put(bytes: Buffer): boolean {
    const head = Atomics.load(this.#marks, 0)
    if (head - Atomics.load(this.#marks, 1) >= SLOTS) return false
    const at = (head % SLOTS) * SLOT
    this.#bytes.writeUInt16LE(bytes.length, at)
    bytes.copy(this.#bytes, at + 2)
    Atomics.store(this.#marks, 0, head + 1)
    return true
  }

  /** Says that there is something new: once for a batch. */
  wake(): void {
    Atomics.notify(this.#marks, 0)
  }

  /** A copy, for the slot is used again. */
  take(): Buffer | undefined {
    const tail = Atomics.load(this.#marks, 1)
    if (Atomics.load(this.#marks, 0) === tail) return undefined
    const at = (tail % SLOTS) * SLOT
    const length = this.#bytes.readUInt16LE(at)
    const bytes = Buffer.from(this.#bytes.subarray(at + 2, at + 2 + length))
    Atomics.store(this.#marks, 1, tail + 1)
    return bytes
  }

  /** Resolves when there is something; the event loop goes on meanwhile. */
  async filled(): Promise<void> {
    const head = Atomics.load(this.#marks, 0)
    if (head !== Atomics.load(this.#marks, 1)) return
    const waiting = Atomics.waitAsync(this.#marks, 0, head)
    if (waiting.async) await waiting.value
  }
}

const register = (n: number): Buffer =>
  Buffer.from(
    `REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK${n};rport\r\nMax-Forwards: 70\r\n` +
      `From: <sip:u${n}@example.com>;tag=a${n}\r\nTo: <sip:u${n}@example.com>\r\nCall-ID: c${n}@phone\r\nCSeq: 1 REGISTER\r\n` +
      `Contact: <sip:u${n}@192.0.2.9:5070>;expires=600\r\nUser-Agent: bench\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n` +
      'Content-Length: 0\r\n\r\n',
    'latin1',
  )
const samples = Array.from({ length: 1_024 }, (_, n) => register(n))

/** As much of SIP as every request needs at least; a registration that is stored takes several times as long. */
function serve(bytes: Buffer): Buffer {
  const request = parseMessage(bytes)
  validateMessage(request)
  if (request.kind !== 'request') throw new Error('no request')
  void [request.vias, request.to, request.contacts]
  return serializeMessage(makeResponse(request, 401, 'Unauthorized', { toTag: 't' }))
}

const CALL_ID = Buffer.from('\r\nCall-ID: ')

/** Which loop a message belongs to, without parsing it. */
function loopOf(bytes: Buffer, loops: number): number {
  const from = bytes.indexOf(CALL_ID) + CALL_ID.length
  let hash = 0
  for (let at = from; at < bytes.length && bytes[at] !== 13; at++) hash = (hash * 31 + (bytes[at] as number)) | 0
  return (hash >>> 0) % loops
}

const micros = ({ user, system }: NodeJS.CpuUsage, number: number): string => ((user + system) / number).toFixed(2)

async function sipLoop(): Promise<void> {
  const { input, output } = workerData as Record<'input' | 'output', Ring['memory']>
  const [requests, answers] = [new Ring(input), new Ring(output)]
  let done = 0
  let before = process.threadCpuUsage()
  // What waits for shared memory alone does not keep a thread.
  setInterval(() => undefined, 60_000)
  parentPort?.postMessage('ready')
  for (;;) {
    await requests.filled()
    for (let bytes = requests.take(); bytes; bytes = requests.take()) {
      if (bytes.length === 1) {
        parentPort?.postMessage({ done, cpu: process.threadCpuUsage(before) })
        before = process.threadCpuUsage()
        done = 0
        continue
      }
      while (!answers.put(serve(bytes))) await new Promise((later) => setImmediate(later))
      if (++done % BATCH === 0) answers.wake()
    }
    answers.wake()
    // The front may have more by the next turn: nobody is woken for each datagram.
    await new Promise((later) => setImmediate(later))
  }
}

async function throughRings(loops: number): Promise<void> {
  const workers = Array.from({ length: loops }, () => {
    const [input, output] = [Ring.make(), Ring.make()]
    const worker = new Worker(new URL(import.meta.url), { workerData: { input: input.memory, output: output.memory } })
    return { input, output, worker }
  })
  await Promise.all(workers.map(({ worker }) => once(worker, 'message')))
  for (const round of ['warm', 'measured']) {
    const began = performance.now()
    const before = process.threadCpuUsage()
    let [sent, answered] = [0, 0]
    while (answered < count) {
      for (let n = 0; n < BATCH && sent < count; n++) {
        const bytes = samples[sent % samples.length] as Buffer
        if (!workers[loopOf(bytes, loops)]?.input.put(bytes)) break
        sent++
      }
      for (const { input, output } of workers) {
        input.wake()
        while (output.take()) answered++
      }
      await new Promise((later) => setImmediate(later))
    }
    const seconds = (performance.now() - began) / 1_000
    const front = process.threadCpuUsage(before)
    const reports = workers.map(({ input, worker }) => {
      const report = once(worker, 'message')
      input.put(Buffer.of(0))
      input.wake()
      return report
    })
    const told = (await Promise.all(reports)).map(([report]) => report as { done: number; cpu: NodeJS.CpuUsage })
    if (round === 'warm') continue
    const shares = told.map(({ done, cpu }) => `${micros(cpu, done)} µs for each of ${done}`).join(', ')
    console.log(
      `ring, ${loops} loop(s): ${Math.round(count / seconds)}/s; front ${micros(front, count)} µs each, loops ${shares}`,
    )
  }
  for (const { worker } of workers) await worker.terminate()
}

function oneLoop(): void {
  for (const round of ['warm', 'measured']) {
    const began = performance.now()
    const before = process.threadCpuUsage()
    let bytes = 0
    for (let n = 0; n < count; n++) bytes += serve(Buffer.from(samples[n % samples.length] as Buffer)).length
    if (round === 'warm' || bytes === 0) continue
    const perSecond = Math.round(count / ((performance.now() - began) / 1_000))
    console.log(`one loop: ${perSecond}/s, ${micros(process.threadCpuUsage(before), count)} µs each`)
  }
}

/** How many datagrams of so many clients each of two sockets gets. */
async function reusePort(clients: number): Promise<number[]> {
  const host = '127.41.5.1'
  const got = [0, 0]
  const servers = [0, 1].map((index) => {
    const server = createSocket({ type: 'udp4', reusePort: true, recvBufferSize: 4 << 20 })
    server.on('message', () => {
      got[index] = (got[index] ?? 0) + 1
    })
    return server
  })
  for (const server of servers) {
    server.bind(5090, host)
    await once(server, 'listening')
  }
  for (let client = 0; client < clients; client++) {
    const socket = createSocket('udp4')
    for (let n = 0; n < 640 / clients; n++) {
      await new Promise<void>((sent) => socket.send(samples[n] as Buffer, 5090, host, () => sent()))
    }
    socket.close()
  }
  await new Promise((later) => setTimeout(later, 200))
  for (const server of servers) server.close()
  return got
}

if (!isMainThread) await sipLoop()
else {
  oneLoop()
  for (const loops of [1, 2]) await throughRings(loops)
  for (const clients of [1, 64]) {
    console.log(`reuseport: 640 datagrams of ${clients} client(s) fall ${(await reusePort(clients)).join(' and ')}`)
  }
}
