/** Messages as nobody should send them: from seeds, by a chance that a number repeats. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '@thor-node/core'
import { SDP } from './proxy/phone.ts'

const torture = join(import.meta.dirname, 'message/torture')

/** Every torture message, and ordinary ones that reach the depths of the proxy. */
export function seedMessages(host = '127.0.0.1'): Buffer[] {
  const files = ['valid', 'invalid'].flatMap((kind) =>
    readdirSync(join(torture, kind)).map((name) => readFileSync(join(torture, kind, name))),
  )
  return [
    ...files,
    ...['INVITE', 'REGISTER', 'MESSAGE', 'OPTIONS', 'BYE', 'ACK', 'CANCEL', 'PRACK', 'SUBSCRIBE'].map((method, index) =>
      plain(method, `seed${index}`, host),
    ),
  ]
}

/** A request that is as it should be. */
export function plain(method: string, id: string, host: string, uri = 'sip:bob@example.com'): Buffer {
  const body = method === 'INVITE' || method === 'PRACK' ? SDP : ''
  const lines = [
    `${method} ${method === 'REGISTER' ? 'sip:example.com' : uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${host};branch=z9hG4bK${id};rport`,
    'Max-Forwards: 70',
    'From: "Alice" <sip:alice@example.com>;tag=a',
    `To: <sip:${method === 'REGISTER' ? 'alice' : 'bob'}@example.com>${/BYE|PRACK|ACK/.test(method) ? ';tag=b' : ''}`,
    `Call-ID: ${id}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:alice@${host};transport=udp>;+sip.instance="<urn:uuid:1>";reg-id=1;expires=300`,
    'Route: <sip:example.com;lr>',
    'Supported: path, outbound, 100rel',
    'Authorization: Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com", response="r"',
    ...(body ? ['Content-Type: application/sdp'] : []),
    `Content-Length: ${body.length}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

const TOKENS = [
  '\r\n',
  '\r\n\r\n',
  '\r',
  '\n',
  '\0',
  '\xff',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  '%',
  '%00',
  '%zz',
  '@',
  ':',
  '[',
  ']',
  '?',
  '=',
  ';lr',
  ';tag=',
  ';branch=',
  ';branch=z9hG4bK',
  ';received=',
  ';rport',
  ';maddr=127.0.0.1',
  ';thor=',
  ';thor=AAAA',
  'sip:',
  'sips:',
  'tel:',
  '*',
  '<sip:a@b>',
  'Content-Length: 99999999999',
  'Via: ',
  'v: SIP/2.0/UDP a',
  'SIP/2.0 200 OK\r\n',
  '99999999999999999999',
  '-1',
  '4294967296',
  'Content-Type: multipart/mixed;boundary=x\r\n',
  '--x',
  '__proto__',
  'Route: ',
]

/** One message spoiled in one to four ways. Never longer than two datagrams or so. */
export function mutate(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes: Buffer = pick(random, seeds)
  // Most often in one: what is spoiled all over goes no further than the parser.
  for (let left = random.int(3) === 0 ? 4 : 1; left > 0; left--) bytes = spoil(random, bytes, seeds)
  return bytes.subarray(0, 80_000)
}

function spoil(random: Random, bytes: Buffer, seeds: readonly Buffer[]): Buffer {
  const at = random.int(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + random.int(40))
  const [before, piece, behind] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
  switch (random.int(9)) {
    case 0:
      return Buffer.concat([before, Buffer.from(random.bytes(piece.length)), behind])
    case 1:
      return Buffer.concat([before, behind])
    case 2:
      return Buffer.concat([before, Buffer.from(pick(random, TOKENS), 'latin1'), piece, behind])
    case 3:
      return Buffer.concat([before, ...Array<Buffer>(2 + random.int(200)).fill(piece), behind])
    case 4:
      return Buffer.concat([before, Buffer.from(pick(random, TOKENS).repeat(1 + random.int(2_000)), 'latin1'), behind])
    case 5:
      return before
    case 6: {
      const other = pick(random, seeds)
      return Buffer.concat([before, other.subarray(random.int(other.length + 1))])
    }
    case 7: {
      const lines = bytes.toString('latin1').split('\r\n')
      const [a, b] = [random.int(lines.length), random.int(lines.length)]
      const swap = lines[a] as string
      lines[a] = lines[b] as string
      lines[b] = swap
      return Buffer.from(lines.join('\r\n'), 'latin1')
    }
    default: {
      const digits = String(2 ** random.int(70) - random.int(2))
      return Buffer.from(bytes.toString('latin1').replace(/\d+/, digits), 'latin1')
    }
  }
}

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T
