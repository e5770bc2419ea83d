/** Finding a foreign host (RFC 3263 §4): its transports by NAPTR or SRV, its ports by SRV, its addresses. */
import { isIP } from 'node:net'
import type { Random } from '@thor-node/core'
import type { Resolver } from '../delegates.ts'
import { ADDRESSES_MAX } from '../proxy/limits.ts'
import type { TransportName } from '../transport/contract.ts'
import { defaultPort, isSecure } from '../transport/names.ts'
import type { Lookups, NaptrRecord } from './lookups.ts'
import { orderSrv, type SrvRecord } from './srv.ts'

type Query = Parameters<Resolver['resolve']>[0]
type Way = Awaited<ReturnType<Resolver['resolve']>>[number]

/** NAPTR services that this node can use. Nobody is connected to over WebSocket. */
const byService = new Map<string, TransportName>([
  ['SIP+D2U', 'udp'],
  ['SIP+D2T', 'tcp'],
  ['SIPS+D2T', 'tls'],
])
/** In the order in which they are tried where nothing says otherwise. */
const srvNames = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' } as const
type Located = keyof typeof srvNames
const isLocated = (name: TransportName): name is Located => Object.hasOwn(srvNames, name)

/** SRV target that says: no such service here (RFC 2782). */
const NONE = new Set(['', '.'])

export function dnsResolver({ lookups, random }: { lookups: Lookups; random: Random }): Resolver {
  const addresses = async (host: string, transport: TransportName, port?: number): Promise<Way[]> => {
    const found = isIP(host) ? [host] : await lookups.addresses(host)
    return found.map((address) => ({ transport, remote: { host: address, port: port ?? defaultPort(transport) } }))
  }
  /** §4.2: the records of one name, tried in the order of RFC 2782. Stops when there are addresses enough. */
  const bySrv = async (records: readonly SrvRecord[], transport: TransportName): Promise<Way[]> => {
    const ways: Way[] = []
    for (const { name, port } of orderSrv(records, random)) {
      if (NONE.has(name) || ways.length >= ADDRESSES_MAX) continue
      ways.push(...(await addresses(name, transport, port)))
    }
    return ways
  }
  /** §4.1. Undefined: NAPTR says nothing that helps. */
  const byNaptr = async ({ host, secure }: Query): Promise<Way[] | undefined> => {
    const usable = naptrOrder(await lookups.naptr(host), secure ?? false)
    const ways: Way[] = []
    for (const { transport, replacement } of usable) {
      if (ways.length >= ADDRESSES_MAX) break
      ways.push(...(await bySrv(await lookups.srv(replacement), transport)))
    }
    return ways.length > 0 ? ways : undefined
  }
  const bySrvNames = async (host: string, transports: readonly Located[]): Promise<Way[] | undefined> => {
    const found = await Promise.all(transports.map((name) => lookups.srv(`${srvNames[name]}.${host}`)))
    if (found.every((records) => records.length === 0)) return undefined
    const ways: Way[] = []
    for (const [index, name] of transports.entries()) ways.push(...(await bySrv(found[index] ?? [], name)))
    return ways
  }

  return {
    async resolve(query) {
      const { host, port, transport, secure = false } = query
      const plain = transport ?? (secure ? 'tls' : 'udp')
      if (host.toLowerCase().endsWith('.invalid')) return []
      if (isIP(host) || port !== undefined || !isLocated(plain)) {
        return (await addresses(host, plain, port)).slice(0, ADDRESSES_MAX)
      }
      const named = transport === undefined ? await byNaptr(query) : undefined
      const candidates = (Object.keys(srvNames) as Located[]).filter((name) => {
        return transport === undefined ? !secure || isSecure(name) : name === plain
      })
      // RFC 2782: who has SRV records wants these hosts and no others, even if there is no service now.
      const found = named ?? (await bySrvNames(host, candidates)) ?? (await addresses(host, plain))
      return found.slice(0, ADDRESSES_MAX)
    },
  }
}

/** By order and preference, as far as they lead to SRV of a transport that is spoken here. */
function naptrOrder(
  records: readonly NaptrRecord[],
  secure: boolean,
): { transport: TransportName; replacement: string }[] {
  return records
    .toSorted((a, b) => a.order - b.order || a.preference - b.preference)
    .flatMap(({ flags, service, replacement }) => {
      const transport = byService.get(service.toUpperCase())
      if (flags.toLowerCase() !== 's' || !transport || (secure && !isSecure(transport))) return []
      return [{ transport, replacement }]
    })
}
