/** What leads phones of a customer's domain to the nodes of the ring. */
import type { RecordInput } from '@thor-node/dns'
import type { LiveNode } from './zone.ts'

const TTL_SECONDS = 600
const PRIORITY = 100

const services = [
  { port: 'sipTls', label: '_sips._tcp', service: 'SIPS+D2T', order: 10 },
  { port: 'sipTcp', label: '_sip._tcp', service: 'SIP+D2T', order: 20 },
  { port: 'sipUdp', label: '_sip._udp', service: 'SIP+D2U', order: 30 },
] as const

/** `ring`: the domain of the ring, whose `proxy` is the nodes that live. */
export function customerTemplate(zone: string, ring: string, nodes: readonly LiveNode[]): RecordInput[] {
  return services.flatMap(({ port, label, service, order }): RecordInput[] => {
    const at = nodes.find((node) => node[port] !== undefined)?.[port]
    if (at === undefined) return []
    const common = { zone, ttl: TTL_SECONDS }
    return [
      { ...common, name: `${zone}.`, type: 'NAPTR', value: `${order} 0 "s" "${service}" "" ${label}.${zone}.` },
      { ...common, name: `${label}.${zone}.`, type: 'SRV', value: `0 ${at} proxy.${ring}.`, priority: PRIORITY },
    ]
  })
}
