import { isIPv6 } from 'node:net'

/**
 * By what a sender is counted: its IPv4 address, or the /64 of its IPv6 address, since whoever has one address of a /64 has
 * all of them. `::ffff:192.0.2.1` is the IPv4 address in it.
 */
export function sourceKey(host: string): string {
  if (!host.includes(':')) return host
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)
  if (mapped) return mapped[1] as string
  const plain = host.replace(/%.*$/, '').toLowerCase()
  if (!isIPv6(plain)) return plain
  return `${groups(plain).slice(0, 4).join(':')}::/64`
}

/** The eight groups without leading zeros, as RFC 5952 writes them, but none left out. */
function groups(host: string): string[] {
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(Math.max(0, missing)).fill('0'), ...right].map((group) =>
    group.includes('.') ? group : group.replace(/^0+(?=.)/, ''),
  )
}
