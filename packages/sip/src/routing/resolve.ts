/** Finding a foreign host: RFC 3263 §4 without NAPTR. Literal addresses need no lookup. */
import { resolve4, resolve6, resolveSrv } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Resolver } from '../delegates.ts'
import { ADDRESSES_MAX } from '../proxy/limits.ts'
import type { TransportName } from '../transport/contract.ts'
import { defaultPort } from '../transport/names.ts'

interface Lookups {
  srv(name: string): Promise<readonly { name: string; port: number; priority: number; weight: number }[]>
  addresses(name: string): Promise<readonly string[]>
}

const systemLookups: Lookups = {
  srv: (name) => resolveSrv(name).catch(() => []),
  async addresses(name) {
    const v4 = await resolve4(name).catch(() => [])
    return v4.length > 0 ? v4 : resolve6(name).catch(() => [])
  },
}

/** A port in the URI means no SRV; without one SRV is asked for UDP, then TCP, then plain addresses. */
export function dnsResolver(lookups: Lookups = systemLookups): Resolver {
  return {
    async resolve({ host, port, transport }) {
      const plain: TransportName = transport ?? 'udp'
      const DEFAULT_PORT = defaultPort(plain)
      if (isIP(host)) return [{ transport: plain, remote: { host, port: port ?? DEFAULT_PORT } }]
      const found: { transport: TransportName; remote: { host: string; port: number } }[] = []
      if (port === undefined) {
        for (const name of transport ? [transport] : (['udp', 'tcp'] as const)) {
          const records = [...(await lookups.srv(`${name === 'tls' ? '_sips._tcp' : `_sip._${name}`}.${host}`))]
          records.sort((a, b) => a.priority - b.priority || b.weight - a.weight)
          for (const record of records.slice(0, ADDRESSES_MAX)) {
            const hosts = isIP(record.name) ? [record.name] : await lookups.addresses(record.name)
            for (const address of hosts) found.push({ transport: name, remote: { host: address, port: record.port } })
          }
          if (found.length > 0) return found.slice(0, ADDRESSES_MAX)
        }
      }
      const hosts = await lookups.addresses(host)
      return hosts
        .slice(0, ADDRESSES_MAX)
        .map((address) => ({ transport: plain, remote: { host: address, port: port ?? DEFAULT_PORT } }))
    },
  }
}
