/**
 * Trusted peers: gateways and other services that need no digest, known by where they are or by the certificate that they
 * showed. Whom nobody knows is no peer.
 */
import { BlockList, isIP } from 'node:net'
import type { Aor } from '@thor-node/core'
import { guardLimits } from '../limits.ts'
import type { Source } from '../transport/contract.ts'

export interface Peer {
  name: string
  /** `192.0.2.7`, `198.51.100.0/24`, `2001:db8::/32`. */
  prefixes: readonly string[]
  /** Domains for which a verified certificate stands: trusted over TLS from anywhere. */
  tlsNames: readonly string[]
  /** Calls at once and calls begun per second, over all nodes; 0: any number. */
  callsMax: number
  callsPerSecond: number
  /** May reach domains that are not served here. */
  relay: boolean
  /** Whose domain numbers mean, and users at a node's address. */
  domain?: string
  /** Who pays for its calls, and with whose rights they go on. */
  account?: Aor
}

interface Prefix {
  address: string
  bits: number
  family: 'ipv4' | 'ipv6'
}

/** Undefined when it is neither an address nor a prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', bitsText, ...rest] = text.trim().split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return undefined
  const most = version === 4 ? 32 : 128
  if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText)) return undefined
  const bits = bitsText === undefined ? most : Number(bitsText)
  return bits <= most ? { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' } : undefined
}

/** Is the host in any of these? Those that cannot be read hold nobody. IPv4 in IPv6 (`::ffff:…`) counts as IPv4. */
export class PrefixSet {
  readonly #list = new BlockList()

  constructor(prefixes: readonly string[]) {
    for (const text of prefixes) {
      const prefix = parsePrefix(text)
      if (prefix) this.#list.addSubnet(prefix.address, prefix.bits, prefix.family)
    }
  }

  has(host: string): boolean {
    const version = isIP(host)
    return version !== 0 && this.#list.check(host, version === 4 ? 'ipv4' : 'ipv6')
  }
}

export class Peers {
  #peers: { peer: Peer; prefixes: PrefixSet }[] = []
  #all = new PrefixSet([])

  /** In order of name; the first that matches counts. More than `guardLimits.peersMax` are not taken. */
  replace(peers: readonly Peer[]): void {
    const taken = [...peers].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, guardLimits.peersMax)
    this.#peers = taken.map((peer) => ({ peer, prefixes: new PrefixSet(peer.prefixes) }))
    this.#all = new PrefixSet(taken.flatMap(({ prefixes }) => prefixes))
  }

  /** Some are known by their certificates. */
  get haveTlsNames(): boolean {
    return this.#peers.some(({ peer }) => peer.tlsNames.length > 0)
  }

  get size(): number {
    return this.#peers.length
  }

  /** By address alone: for those who are never counted or shed. */
  hasHost(host: string): boolean {
    return this.#peers.length > 0 && this.#all.has(host)
  }

  of({ remote, peerDomains }: Pick<Source, 'remote' | 'peerDomains'>): Peer | undefined {
    if (this.#peers.length === 0) return undefined
    if (this.#all.has(remote.host)) return this.#peers.find(({ prefixes }) => prefixes.has(remote.host))?.peer
    if (peerDomains === undefined || peerDomains.length === 0) return undefined
    const shown = new Set(peerDomains.map((name) => name.toLowerCase()))
    return this.#peers.find(({ peer }) => peer.tlsNames.some((name) => shown.has(name.toLowerCase())))?.peer
  }
}
