/** Binding requests on SIP's own sockets: the keep-alive of datagram flows (RFC 5626 §4.4.2, RFC 8489). */
import { isIPv4 } from 'node:net'
import type { Address } from '@thor-node/core'

const MAGIC_COOKIE = 0x2112a442
const HEADER_BYTES = 20
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020

/** Two zero bits, then the magic cookie (RFC 8489 §5). */
export const isStun = (bytes: Buffer): boolean =>
  bytes.length >= HEADER_BYTES && (bytes[0] as number) < 4 && bytes.readUInt32BE(4) === MAGIC_COOKIE

/** The answer to a binding request: the address that it came from. Undefined for anything else. */
export function answerStun(request: Buffer, from: Address): Buffer | undefined {
  if (!isStun(request) || request.readUInt16BE(0) !== BINDING_REQUEST) return undefined
  if (request.readUInt16BE(2) !== request.length - HEADER_BYTES) return undefined
  const address = bytesOf(from.host)
  const answer = Buffer.alloc(HEADER_BYTES + 8 + address.length)
  answer.writeUInt16BE(BINDING_SUCCESS, 0)
  answer.writeUInt16BE(8 + address.length, 2)
  // Cookie and transaction id as they came; they are also what the address is veiled with.
  request.copy(answer, 4, 4, HEADER_BYTES)
  answer.writeUInt16BE(XOR_MAPPED_ADDRESS, 20)
  answer.writeUInt16BE(4 + address.length, 22)
  answer.writeUInt8(address.length === 4 ? 1 : 2, 25)
  answer.writeUInt16BE(from.port ^ (MAGIC_COOKIE >>> 16), 26)
  for (const [index, byte] of address.entries()) answer[28 + index] = byte ^ (request[4 + index] as number)
  return answer
}

function bytesOf(host: string): number[] {
  if (isIPv4(host)) return host.split('.').map(Number)
  const [head = '', tail] = host.split('::')
  const groups = (text: string): number[] =>
    text === ''
      ? []
      : text.split(':').flatMap((group) => (group.includes('.') ? bytePairs(group) : [Number.parseInt(group, 16)]))
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const middle = new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0)
  return [...front, ...middle, ...back].slice(0, 8).flatMap((group) => [group >> 8, group & 0xff])
}

/** The last 32 bits of an IPv6 address that ends like an IPv4 one. */
function bytePairs(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [(a << 8) | b, (c << 8) | d]
}
