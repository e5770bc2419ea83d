/**
 * An open-loop generator of registrations: so many per second, whatever comes back; nothing is sent twice. Runs as a process of its
 * own, started by `sip-overload.ts`.
 *
 *   node bench/flood.ts '<json of FloodInit>'        prints FloodReport as JSON
 */
import { hash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface FloodInit {
  node: string
  devices: { prefix: string; count: number }
  domain: string
  /** Users u0 … with passwords p0 … */
  accounts: number
  perSecond: number
  seconds: number
}

export interface FloodReport {
  /** Requests per second that were really sent. */
  offered: number
  /** Answered 200 within half a second, per second. */
  goodPerSecond: number
  refused: number
  silent: number
  p50Ms: number
  p99Ms: number
}

const GOOD_MS = 500
const TICK_MS = 5
const WAIT_MS = 1_500
const md5 = (text: string): string => hash('md5', text)
const init = JSON.parse(process.argv[2] ?? '') as FloodInit
const { node, devices, domain, accounts, perSecond, seconds } = init

const sockets = await Promise.all(
  Array.from({ length: devices.count }, async (_, i) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 })
    socket.bind(0, `${devices.prefix}${i + 1}`)
    await once(socket, 'listening')
    return socket
  }),
)

/** One nonce, of whose counts every request uses the next. */
async function challenge(socket: Socket): Promise<string> {
  const asked = once(socket, 'message')
  send(socket, 0, 1, `z9hG4bKask${process.pid}`)
  const [bytes] = (await asked) as [Buffer]
  const found = /nonce="([^"]+)"/.exec(bytes.toString('latin1'))?.[1]
  if (!found) throw new Error(`no challenge:\n${bytes}`)
  return found
}

function send(socket: Socket, user: number, cseq: number, branch: string, authorization = ''): void {
  const { address, port } = socket.address()
  const aor = `u${user}@${domain}`
  socket.send(
    `REGISTER sip:${domain} SIP/2.0\r\nVia: SIP/2.0/UDP ${address}:${port};branch=${branch};rport\r\nMax-Forwards: 70\r\n` +
      `From: <sip:${aor}>;tag=${user}\r\nTo: <sip:${aor}>\r\nCall-ID: ${process.pid}-${user}\r\nCSeq: ${cseq} REGISTER\r\n` +
      `Contact: <sip:u${user}@${address}:${port}>\r\nExpires: 600\r\n${authorization}Content-Length: 0\r\n\r\n`,
    5060,
    node,
  )
}

const nonce = await challenge(sockets[0] as Socket)
const hashes = Array.from({ length: accounts }, (_, n) => md5(`u${n}:${domain}:p${n}`))
const ha2 = md5(`REGISTER:sip:${domain}`)
const waiting = new Map<string, number>()
const latencies: number[] = []
let [sent, good, refused] = [0, 0, 0]

for (const socket of sockets) {
  socket.on('message', (bytes: Buffer) => {
    const text = bytes.toString('latin1')
    const branch = /branch=([^;\r]+)/.exec(text)?.[1] ?? ''
    const at = waiting.get(branch)
    if (at === undefined) return
    waiting.delete(branch)
    const took = performance.now() - at
    if (text.startsWith('SIP/2.0 200')) {
      if (took <= GOOD_MS) {
        good++
        latencies.push(took)
      }
    } else refused++
  })
}

function register(): void {
  const number = sent++
  const user = number % accounts
  const nc = (1 + number).toString(16).padStart(8, '0')
  const response = md5(`${hashes[user]}:${nonce}:${nc}:c:auth:${ha2}`)
  const branch = `z9hG4bK${process.pid}x${number}`
  const authorization =
    `Authorization: Digest username="u${user}", realm="${domain}", nonce="${nonce}", uri="sip:${domain}", ` +
    `response="${response}", algorithm=MD5, cnonce="c", qop=auth, nc=${nc}\r\n`
  waiting.set(branch, performance.now())
  send(sockets[number % sockets.length] as Socket, user, 2 + number, branch, authorization)
}

const startedAt = performance.now()
await new Promise<void>((done) => {
  const timer = setInterval(() => {
    const elapsed = (performance.now() - startedAt) / 1_000
    const due = Math.min(elapsed, seconds) * perSecond
    for (const until = performance.now() + 4 * TICK_MS; sent < due && performance.now() < until; ) register()
    if (elapsed < seconds) return
    clearInterval(timer)
    done()
  }, TICK_MS)
})
const tookSeconds = (performance.now() - startedAt) / 1_000
await new Promise((done) => setTimeout(done, WAIT_MS))
for (const socket of sockets) socket.close()
const sorted = latencies.sort((one, other) => one - other)
const report: FloodReport = {
  offered: sent / tookSeconds,
  goodPerSecond: good / tookSeconds,
  refused,
  silent: waiting.size,
  p50Ms: sorted[sorted.length >> 1] ?? 0,
  p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
}
console.log(JSON.stringify(report))
