/**
 * SIP alone: microseconds of CPU per registration of one stack in this process, with digest and bindings in memory, without
 * sockets, other nodes and disk. A registration is REGISTER, 401, REGISTER, 200.
 *
 *   node bench/stack.ts [rounds] [registrations]        default: 7 rounds of 20,000; median
 */

import { hash } from 'node:crypto'
import {
  type Aor,
  computeHa1,
  type Net,
  silentLogger,
  systemClock,
  systemRandom,
  type UdpListener,
} from '@thor-node/core'
import {
  applyBind,
  type Home,
  judgeAnswer,
  NonceCounts,
  refuseBind,
  SipStack,
  type StoredBinding,
  Transports,
} from '@thor-node/sip'

const [rounds = 7, count = 20_000] = process.argv.slice(2).map(Number)
const ACCOUNTS = 1_000
const KEY = new Uint8Array(32).fill(7)
const NODE = { host: '192.0.2.1', port: 5060 }
const PHONES = { host: '192.0.2.9', port: 5070 }

let receive: UdpListener = () => undefined
let answer: (bytes: Uint8Array) => void = () => undefined
const net: Net = {
  udp: async (_, listener) => {
    receive = listener
    return { local: NODE, send: (bytes) => answer(bytes), close: async () => undefined }
  },
  listen: () => Promise.reject(new Error('no streams here')),
  connect: () => Promise.reject(new Error('no streams here')),
}

const counts = new NonceCounts()
const bindings = new Map<Aor, StoredBinding[]>()
const views = new Map(
  Array.from({ length: ACCOUNTS }, (_, n) => {
    const aor = `u${n}@example.com`
    const credentials = {
      ha1Md5: computeHa1('MD5', `u${n}`, 'example.com', 'secret'),
      ha1bMd5: computeHa1('MD5', aor, 'example.com', 'secret'),
    }
    const view = { kind: 'account' as const, aor, aliases: [], groups: [], callLimit: 0, algorithms: ['MD5'] }
    return [aor, { view, credentials }]
  }),
)

const never = (): never => {
  throw new Error('no calls here')
}
const home: Home = {
  servesDomain: (domain) => domain === 'example.com',
  admit: never,
  plan: never,
  unbind: async () => undefined,
  keep: never,
  kept: never,
  delivered: never,
  async bind(query) {
    const account = views.get(query.aor)
    const judged = judgeAnswer(
      { cookieKey: KEY, counts, wallMs: systemClock.wall() },
      account && { aor: query.aor, credentials: account.credentials },
      query.answer,
    )
    const refusal = refuseBind(account?.view, judged)
    if (refusal) return refusal
    const { result, puts } = applyBind(bindings.get(query.aor) ?? [], query, systemClock.wall())
    bindings.set(query.aor, puts)
    return result
  },
}

const transport = new Transports(
  { clock: systemClock, random: systemRandom, net, logger: silentLogger },
  { listen: [{ transport: 'udp', ...NODE }] },
)
const stack = new SipStack({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  transport,
  home,
  media: { rewrite: never },
  calls: { newCallUuid: never, answered: never, refreshed: never, ended: never, failed: never },
  ring: { self: 'n1', cookieKey: KEY, nodeAt: () => undefined, sendOnFlow: never, passResponse: never },
})
await stack.start()

let next = 0
const register = (n: number, cseq: number, authorization: string): Buffer =>
  Buffer.from(
    `REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP ${PHONES.host}:${PHONES.port};branch=z9hG4bK${next++};rport\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:u${n}@example.com>;tag=a${n}\r\nTo: <sip:u${n}@example.com>\r\nCall-ID: c${n}@phone\r\n` +
      `CSeq: ${cseq} REGISTER\r\nContact: <sip:u${n}@${PHONES.host}:${PHONES.port}>;expires=600\r\nUser-Agent: bench\r\n` +
      `Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n${authorization}Content-Length: 0\r\n\r\n`,
    'latin1',
  )

const NONCE = /nonce="([^"]+)"/
const ha2 = hash('md5', 'REGISTER:sip:example.com')

/** One after the other, 64 at a time. CPU of the client's side is small beside the stack's, and the same in every round. */
function round(first: number): Promise<number> {
  return new Promise((done, fail) => {
    const waiting: { n: number; cseq: number }[] = []
    let begun = 0
    let ended = 0
    const before = process.cpuUsage()
    const begin = (): void => {
      const n = begun % ACCOUNTS
      const cseq = first + 2 * Math.floor(begun++ / ACCOUNTS)
      waiting.push({ n, cseq })
      receive(register(n, cseq, ''), PHONES)
    }
    answer = (bytes) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
      if (text.startsWith('SIP/2.0 401')) {
        const { n, cseq } = waiting.shift() as { n: number; cseq: number }
        const nonce = NONCE.exec(text)?.[1] ?? ''
        const ha1 = views.get(`u${n}@example.com`)?.credentials.ha1Md5 ?? ''
        const response = hash('md5', `${ha1}:${nonce}:00000001:abc:auth:${ha2}`)
        const line = `Authorization: Digest username="u${n}", realm="example.com", nonce="${nonce}", uri="sip:example.com", response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"\r\n`
        receive(register(n, cseq + 1, line), PHONES)
        return
      }
      if (!text.startsWith('SIP/2.0 200')) return fail(new Error(text))
      if (++ended === count) {
        const { user, system } = process.cpuUsage(before)
        done((user + system) / count)
      } else if (begun < count) setImmediate(begin)
    }
    for (let i = 0; i < 64; i++) begin()
  })
}

const micros: number[] = []
for (let n = 0; n < rounds; n++) micros.push(await round(1 + n * 1_000))
micros.sort((a, b) => a - b)
console.log(
  `${(micros[rounds >> 1] ?? 0).toFixed(1)} µs CPU per registration (best ${(micros[0] ?? 0).toFixed(1)}, worst ${(micros.at(-1) ?? 0).toFixed(1)}), ${rounds} rounds of ${count}`,
)
process.exit(0)
