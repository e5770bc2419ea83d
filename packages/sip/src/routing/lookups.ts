/** The questions that locating asks of DNS, over the resolver of Node.js, with a short memory. */
import { Resolver } from 'node:dns/promises'
import { type Clock, errorCode, makeRoom } from '@thor-node/core'
import { LOOKUPS_MAX, LOOKUPS_MS } from './limits.ts'
import type { SrvRecord } from './srv.ts'

export interface NaptrRecord {
  flags: string
  service: string
  replacement: string
  order: number
  preference: number
}

/** Empty for names and types that are not there; rejects when no server answers. */
export interface Lookups {
  naptr(name: string): Promise<readonly NaptrRecord[]>
  srv(name: string): Promise<readonly SrvRecord[]>
  /** Literal addresses: those of IPv4 first. */
  addresses(name: string): Promise<readonly string[]>
}

export interface LookupsInit {
  /** `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`. @default those of the system */
  servers?: readonly string[]
  /** How long each of two tries waits, in ms. @default 2,000 */
  timeoutMs?: number
}

const TIMEOUT_MS = 2_000
const TRIES = 2
/** Nobody answered. Other failures mean that this type is not to be had there: some servers fail on NAPTR. */
const SILENT = new Set(['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'])

export function dnsLookups({ clock }: { clock: Clock }, init: LookupsInit = {}): Lookups {
  const resolver = new Resolver({ timeout: init.timeoutMs ?? TIMEOUT_MS, tries: TRIES })
  if (init.servers && init.servers.length > 0) resolver.setServers(init.servers)
  const memory = new Map<string, { until: number; answer: Promise<readonly unknown[]> }>()

  const ask = <T>(type: string, name: string, question: () => Promise<readonly T[]>): Promise<readonly T[]> => {
    const key = `${type} ${name.toLowerCase()}`
    const known = memory.get(key)
    if (known && known.until > clock.now()) return known.answer as Promise<readonly T[]>
    const answer = question().catch((error: unknown) => {
      if (!SILENT.has(errorCode(error) ?? '')) return []
      memory.delete(key)
      throw error
    })
    memory.delete(key)
    makeRoom(memory, LOOKUPS_MAX)
    memory.set(key, { until: clock.now() + LOOKUPS_MS, answer })
    return answer
  }
  return {
    naptr: (name) => ask('NAPTR', name, () => resolver.resolveNaptr(name)),
    srv: (name) => ask('SRV', name, () => resolver.resolveSrv(name)),
    async addresses(name) {
      const both = await Promise.allSettled([
        ask('A', name, () => resolver.resolve4(name)),
        ask('AAAA', name, () => resolver.resolve6(name)),
      ])
      const found = both.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      const failed = both.find((one) => one.status === 'rejected')
      if (found.length === 0 && failed) throw failed.reason
      return found
    },
  }
}
