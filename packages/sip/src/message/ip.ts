/** IP literals as SIP writes them. Sockets are not needed to tell one. */

const GROUP = /^[0-9a-f]{1,4}$/i

/** Four numbers of 0 to 255 without leading zeros. */
export function isIpv4(text: string): boolean {
  if (text.length > 15) return false
  let dots = 0
  let value = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (value < 0) return false
      dots++
      value = -1
    } else if (code < 48 || code > 57 || value === 0) {
      return false
    } else {
      value = (value < 0 ? 0 : value * 10) + code - 48
      if (value > 255) return false
    }
  }
  return dots === 3 && value >= 0
}

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
