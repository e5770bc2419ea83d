/** IP literals as SIP writes them. Sockets are not needed to tell one. */

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)
const GROUP = /^[0-9a-f]{1,4}$/i

export const isIpv4 = (text: string): boolean => IPV4.test(text)

/** RFC 4291 §2.2, without zone: also `::ffff:192.0.2.1`. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    const parts = half === '' ? [] : half.split(':')
    for (const [at, part] of parts.entries()) {
      const last = at === parts.length - 1 && index === halves.length - 1
      if (last && part.includes('.') && isIpv4(part)) groups += 2
      else if (GROUP.test(part)) groups += 1
      else return false
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8
}

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text)

/** `[…]` of an IPv6 literal taken off: for `received=[2001:db8::1]`, which RFC 5118 §4.5 allows beside the bare form. */
export function withoutBrackets(text: string): string {
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
}
