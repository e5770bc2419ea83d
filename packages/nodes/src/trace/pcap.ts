/**
 * Messages as a capture file that Wireshark reads: classic pcap, raw IP. What went over TCP or TLS is written as datagrams too,
 * so that it is readable without keys and without streams.
 */
import { isIPv6 } from 'node:net'
import { splitHostPort } from './address.ts'

/** LINKTYPE_RAW: packets begin with the IP header. */
const RAW_IP = 101
const UDP = 17
/** What fits into a datagram. */
const PAYLOAD_MAX = 65_000

export interface Captured {
  /** Epoch milliseconds, with fractions. */
  at: number
  direction: 'in' | 'out'
  local: string
  remote: string
  /** Bytes as latin1. */
  text: string
}

export function writePcap(messages: readonly Captured[]): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(0x40000, 16)
  head.writeUInt32LE(RAW_IP, 20)
  return Buffer.concat([head, ...messages.flatMap(recordOf)])
}

function recordOf({ at, direction, local, remote, text }: Captured): Buffer[] {
  const [from, to] = direction === 'in' ? [remote, local] : [local, remote]
  const packet = packetOf(from, to, Buffer.from(text, 'latin1').subarray(0, PAYLOAD_MAX))
  const head = Buffer.alloc(16)
  const micros = Math.floor(at * 1_000)
  head.writeUInt32LE(Math.floor(micros / 1_000_000), 0)
  head.writeUInt32LE(micros % 1_000_000, 4)
  head.writeUInt32LE(packet.length, 8)
  head.writeUInt32LE(packet.length, 12)
  return [head, packet]
}

function packetOf(from: string, to: string, payload: Buffer): Buffer {
  const [source, target] = [splitHostPort(from), splitHostPort(to)]
  const six = isIPv6(source.host) || isIPv6(target.host)
  const addresses = [source.host, target.host].map((host) => (six ? bytes6(host) : bytes4(host)))
  const udp = Buffer.alloc(8)
  udp.writeUInt16BE(source.port, 0)
  udp.writeUInt16BE(target.port, 2)
  udp.writeUInt16BE(8 + payload.length, 4)
  const pseudo = Buffer.alloc(six ? 8 : 4)
  pseudo.writeUInt16BE(8 + payload.length, six ? 2 : 2)
  pseudo.writeUInt8(UDP, six ? 7 : 1)
  udp.writeUInt16BE(checksum([...addresses, pseudo, udp, payload]) || 0xffff, 6)
  const ip = six ? head6(8 + payload.length) : head4(8 + payload.length)
  Buffer.concat(addresses).copy(ip, six ? 8 : 12)
  if (!six) ip.writeUInt16BE(checksum([ip]), 10)
  return Buffer.concat([ip, udp, payload])
}

function head4(length: number): Buffer {
  const ip = Buffer.alloc(20)
  ip.writeUInt8(0x45, 0)
  ip.writeUInt16BE(20 + length, 2)
  ip.writeUInt8(64, 8)
  ip.writeUInt8(UDP, 9)
  return ip
}

function head6(length: number): Buffer {
  const ip = Buffer.alloc(40)
  ip.writeUInt8(0x60, 0)
  ip.writeUInt16BE(length, 4)
  ip.writeUInt8(UDP, 6)
  ip.writeUInt8(64, 7)
  return ip
}

const bytes4 = (host: string): Buffer => Buffer.from(host.split('.').map(Number))

/** IPv4 within IPv6 as `::ffff:…`. */
function bytes6(host: string): Buffer {
  if (!host.includes(':')) return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes4(host)])
  const [left = '', right] = host.split('::')
  const groups = (text: string): number[] =>
    text === ''
      ? []
      : text.split(':').flatMap((group) => {
          if (!group.includes('.')) return [Number.parseInt(group, 16)]
          const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
          return [a * 256 + b, c * 256 + d]
        })
  const [before, after] = [groups(left), groups(right ?? '')]
  const all = [...before, ...Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after]
  const bytes = Buffer.alloc(16)
  for (const [index, group] of all.slice(0, 8).entries()) bytes.writeUInt16BE(group & 0xffff, index * 2)
  return bytes
}

/** RFC 1071. */
function checksum(parts: readonly Buffer[]): number {
  const all = Buffer.concat(parts)
  let sum = 0
  for (let i = 0; i < all.length; i += 2) sum += (all[i] as number) * 256 + (all[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
