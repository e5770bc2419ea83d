/**
 * The smallest phone: registers over UDP, shows what the registrar answers, and takes itself out again.
 *
 *     npx node examples/register.ts alice@thor.local PASSWORD 192.0.2.1[:5060] [MY-ADDRESS]
 *
 * Messages are those of `@thor-node/sip`, the digest is that of `@thor-node/core`; the socket is Node's. It sends each request
 * once: a real phone retransmits (RFC 3261 §17.1.2).
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  computeHa1,
  digestAlgorithm,
  digestResponse,
  formatCredentials,
  parseChallenge,
  randomHex,
  systemRandom,
} from '@thor-node/core'
import { makeRequest, parseMessage, type SipResponse, serializeMessage } from '@thor-node/sip'

const [aor, password, registrar, own] = process.argv.slice(2)
if (!aor || password === undefined || !registrar) {
  console.error('usage: register.ts USER@DOMAIN PASSWORD NODE[:PORT] [MY-ADDRESS]')
  process.exit(2)
}
const [user = '', domain = ''] = aor.split('@')
const [host = '', port = '5060'] = registrar.split(':')
const hex = (bytes: number): string => randomHex(systemRandom, bytes)

const socket = createSocket('udp4')
socket.bind(0, own)
await once(socket, 'listening')
socket.connect(Number(port), host)
await once(socket, 'connect')
const local = socket.address()

const callId = hex(8)
const fromTag = hex(4)
const contact = `<sip:${user}@${local.address}:${local.port}>`
let cseq = 0

async function send(expires: number, headers: [string, string][] = []): Promise<SipResponse> {
  const request = makeRequest({
    method: 'REGISTER',
    uri: `sip:${domain}`,
    from: `<sip:${aor}>;tag=${fromTag}`,
    to: `<sip:${aor}>`,
    callId,
    cseq: ++cseq,
    headers: [['Contact', contact], ['Expires', `${expires}`], ['User-Agent', 'thor-node example'], ...headers],
  })
  request.headers.prepend('Via', `SIP/2.0/UDP ${local.address}:${local.port};rport;branch=z9hG4bK${hex(8)}`)
  socket.send(serializeMessage(request))
  for (;;) {
    const [bytes] = await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })
    const message = parseMessage(bytes)
    if (message.kind === 'response' && message.cseq.number === cseq && message.status >= 200) return message
  }
}

/** Sends, and when challenged sends again with the answer to the first challenge that can be answered. */
async function register(expires: number): Promise<SipResponse> {
  const first = await send(expires)
  if (first.status !== 401) return first
  for (const value of first.headers.getAll('WWW-Authenticate')) {
    const challenge = parseChallenge(value)
    const algorithm = digestAlgorithm(challenge?.algorithm)
    if (!challenge || !algorithm) continue
    const { realm, nonce } = challenge
    const uri = `sip:${domain}`
    const proof = { qop: 'auth', nc: '00000001', cnonce: hex(8) }
    const ha1 = computeHa1(algorithm, user, realm, password as string)
    const response = digestResponse({ algorithm, ha1, method: 'REGISTER', uri, nonce, ...proof })
    const answer = formatCredentials({ username: user, realm, nonce, uri, response, algorithm, ...proof })
    return send(expires, [['Authorization', answer]])
  }
  return first
}

try {
  for (const expires of [300, 0]) {
    const { status, reason, headers } = await register(expires)
    console.log(`REGISTER, Expires ${expires}: ${status} ${reason}`)
    for (const value of headers.getAll('Contact')) console.log(`  ${value}`)
    if (status !== 200) process.exitCode = 1
  }
} finally {
  socket.close()
}
