/** Whom a certificate stands for, as SIP reads it (RFC 5922 §7). */
import type { TlsPeer } from '@thor-node/core'

/**
 * SIP URIs among the alternative names count before all else, then host names and addresses, then the common name where there
 * are no alternative names at all (§7.1). Lower case.
 */
export function domainsOf({ subject, altNames }: TlsPeer): string[] {
  const names = altNames === '' ? [] : altNames.split(', ')
  const after = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).toLowerCase())
  // A SIP URI with a user is of a person and says nothing of the domain.
  const domains = after('URI:').flatMap((uri) => /^sips?:([^@;?]+)$/.exec(uri)?.[1] ?? [])
  if (domains.length > 0) return domains
  const hosts = [...after('DNS:'), ...after('IP Address:').map(plainAddress)]
  if (hosts.length > 0 || names.length > 0) return hosts
  const common = /^CN=(.+)$/m.exec(subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

/** `wanted` in lower case. One label may be a wildcard: §7.2 forbids that, but public authorities sign such certificates. */
export function standsFor(domains: readonly string[], wanted: string): boolean {
  const above = wanted.slice(wanted.indexOf('.'))
  return domains.some((domain) => domain === wanted || (domain.startsWith('*.') && domain.slice(1) === above))
}

/** What is wrong with a peer that should be `wanted`; undefined when nothing is. */
export function distrustOf(peer: TlsPeer, wanted: string): string | undefined {
  if (!peer.trusted) return `its certificate is not trusted: ${peer.error ?? 'unknown'}`
  const domains = domainsOf(peer)
  return standsFor(domains, plainAddress(wanted.toLowerCase()))
    ? undefined
    : `its certificate is for ${domains.join(', ') || 'nobody'} and not for ${wanted}`
}

/** One spelling of an IPv6 address. */
function plainAddress(text: string): string {
  return text.includes(':') && URL.canParse(`http://[${text}]`)
    ? new URL(`http://[${text}]`).hostname.slice(1, -1)
    : text
}
