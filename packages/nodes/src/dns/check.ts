/** Is a domain delegated to the nodes, and do its name servers answer as they should? */
import { type Address, errorMessage } from '@thor-node/core'
import { parentName, type StubComponents, StubResolver, TYPE, type Zone } from '@thor-node/dns'
import type { CheckView } from '../control/dns-contract.ts'
import type { LiveNode } from './zone.ts'

export interface CheckComponents extends StubComponents {
  /** Whom the world asks. */
  servers: readonly Address[]
}

const TIMEOUT_MS = 2_000
const nameAt = (data: Buffer, from = 0): string => {
  const labels: string[] = []
  for (let at = from; (data[at] ?? 0) !== 0; at += 1 + (data[at] as number)) {
    labels.push(data.toString('latin1', at + 1, at + 1 + (data[at] as number)))
  }
  return labels.join('.').toLowerCase()
}

/** What has to be written into the zone above. */
function delegation(zone: Zone, nodes: readonly LiveNode[]): string[] {
  const found = zone.lookup(zone.apex, TYPE.NS)
  const servers = found.kind === 'records' ? found.records.map(({ data }) => nameAt(data)) : []
  const glue = nodes.flatMap(({ name, host, host6 }) => {
    const own = servers.find((server) => server === `${name}.${zone.apex}`)
    if (!own) return []
    return [host, ...(host6 === undefined ? [] : [host6])].map(
      (address) => `${own}. ${address.includes(':') ? 'AAAA' : 'A'} ${address}`,
    )
  })
  return [...servers.map((server) => `${zone.apex}. NS ${server}.`), ...glue]
}

/** `zone`: as this node serves it. */
export async function checkDomain(
  components: CheckComponents,
  zone: Zone,
  nodes: readonly LiveNode[],
): Promise<CheckView> {
  const { servers } = components
  const world = new StubResolver(components, { servers, timeoutMs: TIMEOUT_MS })
  const findings: CheckView['findings'] = []
  const say = (ok: boolean, text: string): void => void findings.push({ ok, text })
  const delegate = delegation(zone, nodes)
  const wanted = new Set(delegate.flatMap((line) => / NS (.*)\.$/.exec(line)?.[1] ?? []))
  try {
    const { records } = await world.ask(zone.apex, TYPE.NS)
    const told = records.filter(({ type }) => type === TYPE.NS).map(({ data }) => nameAt(data))
    if (told.length === 0)
      say(false, `the world finds no name server of ${zone.apex}: delegate it in ${parentName(zone.apex) ?? '.'}`)
    for (const server of told) {
      if (wanted.has(server)) await checkServer(components, world, zone, server, say)
      else say(false, `${server} is named as a name server, but is no live node of this ring`)
    }
    for (const server of wanted) if (!told.includes(server)) say(false, `${server} is not named as a name server`)
  } catch (error) {
    say(false, `the world cannot be asked: ${errorMessage(error)}`)
  }
  for (const label of ['_sip._udp', '_sip._tcp', '_sips._tcp']) {
    const found = zone.lookup(`${label}.${zone.apex}`, TYPE.SRV)
    if (found.kind === 'records') say(true, `${label}.${zone.apex} leads to ${found.records.length} of the live nodes`)
  }
  return { delegate, findings }
}

async function checkServer(
  components: CheckComponents,
  world: StubResolver,
  zone: Zone,
  server: string,
  say: (ok: boolean, text: string) => void,
): Promise<void> {
  const { records } = await world.ask(server, TYPE.A)
  const addresses = records.filter(({ type }) => type === TYPE.A).map(({ data }) => data.join('.'))
  if (addresses.length === 0) return say(false, `the world finds no address of ${server}: add glue for it`)
  for (const host of addresses) {
    const direct = new StubResolver(components, { servers: [{ host, port: 53 }], timeoutMs: TIMEOUT_MS })
    try {
      const answer = await direct.ask(zone.apex, TYPE.SOA)
      const soa = answer.records.some(({ type }) => type === TYPE.SOA)
      say(soa, soa ? `${server} (${host}) answers for ${zone.apex}` : `${server} (${host}) does not know ${zone.apex}`)
    } catch {
      say(false, `${server} (${host}) does not answer on port 53: is the port open?`)
    }
  }
}
