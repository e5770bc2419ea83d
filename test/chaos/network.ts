/**
 * Where the nodes of a chaos run live. As root on Linux each node gets a network namespace of its own, joined by a bridge in
 * one more namespace, in which the clients are; cuts and losses are nftables rules inside the nodes' namespaces, so nothing
 * of the machine's own network is touched. Otherwise nodes live on loopback addresses, and nothing can be cut.
 *
 *   [n1 eth0 10.77.0.1] ─┐
 *   [n2 eth0 10.77.0.2] ─┼─ bridge 10.77.0.250 (clients)
 *   [n3 eth0 10.77.0.3] ─┘
 */
import { makeNamespace, type Namespace } from '../support/namespaces.ts'

export interface Network {
  /** Nodes can be cut off from each other. */
  readonly cuttable: boolean
  /** First three bytes of all addresses. */
  readonly net: string
  readonly clientAddress: string
  /** A second address of a node. */
  otherAddress(number: number): string
  /** What stands before the command line of a node, and of the clients. */
  prefix(number: number): string[]
  readonly clientPrefix: string[]
  /** From now on nothing that node `from` sends arrives at node `to`. */
  cut(from: number, to: number): void
  /** This share of what other nodes send is lost at the node. */
  lose(number: number, percent: number): void
  /** Neither nodes nor clients reach it: the cable is out. */
  unplug(number: number): void
  /** The node's wire carries so many kilobits per second each way, and keeps what waits for at most half a second. */
  throttle(number: number, kilobits: number): void
  /** Undoes all of these. */
  heal(): void
  stop(): Promise<void>
}

const CLIENTS = 250
const OTHER = 100

export function loopbackNetwork(net = '127.77.0'): Network {
  const no = (): never => {
    throw new Error('this needs network namespaces: run as root on Linux, with nft, ip and nsenter')
  }
  return {
    cuttable: false,
    net,
    clientAddress: `${net}.${CLIENTS}`,
    otherAddress: (number) => `${net}.${OTHER + number}`,
    prefix: () => [],
    clientPrefix: [],
    cut: no,
    lose: no,
    unplug: no,
    throttle: no,
    heal: () => undefined,
    stop: async () => undefined,
  }
}

/** @param count namespaces are made for nodes 1 … count */
export async function isolatedNetwork(count: number): Promise<Network> {
  const net = '10.77.0'
  const bridge = await makeNamespace()
  const holders: Namespace[] = []

  bridge.ip(['link set lo up', 'link add br0 type bridge', 'link set br0 up', `addr add ${net}.${CLIENTS}/24 dev br0`])
  for (let number = 1; number <= count; number++) {
    const holder = await makeNamespace()
    holders.push(holder)
    bridge.ip([
      `link add n${number} type veth peer name eth0 netns ${holder.pid}`,
      `link set n${number} master br0`,
      `link set n${number} up`,
    ])
    holder.ip([
      'link set lo up',
      `addr add ${net}.${number}/24 dev eth0`,
      `addr add ${net}.${OTHER + number}/24 dev eth0`,
      'link set eth0 up',
    ])
  }
  const at = (number: number): Namespace => holders[number - 1] as Namespace

  interface Filter {
    cut: Set<number>
    losePercent: number
  }
  const filters = new Map<number, Filter>()
  const unplugged = new Set<number>()
  const throttled = new Set<number>()
  const filterOf = (number: number): Filter => {
    const known = filters.get(number) ?? { cut: new Set<number>(), losePercent: 0 }
    filters.set(number, known)
    return known
  }
  const apply = (number: number): void => {
    const { cut, losePercent } = filterOf(number)
    const rules = [
      'iif lo accept',
      ...[...cut].map((from) => `ip saddr ${net}.${from} drop`),
      ...(losePercent > 0 ? [`ip saddr != ${net}.${CLIENTS} numgen random mod 100 < ${losePercent} drop`] : []),
    ]
    const chain = ['chain in {', 'type filter hook input priority 0', ...rules, '}']
    const lines = ['table inet chaos', 'delete table inet chaos', 'table inet chaos {', ...chain, '}', '']
    at(number).run(['nft', '-f', '-'], lines.join('\n'))
  }

  return {
    cuttable: true,
    net,
    clientAddress: `${net}.${CLIENTS}`,
    otherAddress: (number) => `${net}.${OTHER + number}`,
    prefix: (number) => at(number).enter,
    clientPrefix: bridge.enter,
    cut(from, to) {
      filterOf(to).cut.add(from)
      apply(to)
    },
    lose(number, percent) {
      filterOf(number).losePercent = percent
      apply(number)
    },
    unplug(number) {
      unplugged.add(number)
      bridge.ip([`link set n${number} down`])
    },
    throttle(number, kilobits) {
      throttled.add(number)
      const limit = ['root', 'tbf', 'rate', `${kilobits}kbit`, 'burst', '16kb', 'latency', '500ms']
      bridge.run(['tc', 'qdisc', 'replace', 'dev', `n${number}`, ...limit])
      at(number).run(['tc', 'qdisc', 'replace', 'dev', 'eth0', ...limit])
    },
    heal() {
      for (const number of throttled) {
        bridge.run(['tc', 'qdisc', 'del', 'dev', `n${number}`, 'root'])
        at(number).run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root'])
      }
      throttled.clear()
      for (const number of filters.keys()) {
        filters.set(number, { cut: new Set(), losePercent: 0 })
        apply(number)
      }
      for (const number of unplugged) bridge.ip([`link set n${number} up`])
      unplugged.clear()
    },
    async stop() {
      for (const namespace of [...holders, bridge]) await namespace.end()
    },
  }
}
