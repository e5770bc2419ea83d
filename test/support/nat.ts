/**
 * Homes behind NATs, and the nodes outside:
 *
 *   [home 192.168.n.2] ─ [NAT 192.168.n.1 | 10.78.0.(100 + n)] ─ bridge 10.78.0.1 … (nodes and phones of the world)
 */
import { makeNamespace, type Namespace } from './namespaces.ts'

/**
 * What a NAT does with a port of a phone (RFC 3489's names, which vendors use):
 *
 * - `full cone`: one outer port, open for everybody
 * - `port restricted`: one outer port, open for addresses and ports that were sent to
 * - `symmetric`: another outer port for each address that is sent to
 */
export type NatKind = 'full cone' | 'port restricted' | 'symmetric'

export interface Home {
  kind: NatKind
  /** Of the phone. */
  address: string
  outside: string
  prefix: string[]
}

export interface World {
  readonly net: string
  readonly prefix: string[]
  /** An address of the world that is no node's. */
  address(number: number): string
  addHome(kind: NatKind): Promise<Home>
  stop(): Promise<void>
}

const PHONE_PORT = 5060
/** Seconds after which a NAT forgets what was silent: the shortest that RFC 4787 REQ-5 tolerates is two minutes; many do this. */
const FORGETS_S = 30

export async function makeWorld(nodes: number): Promise<World> {
  const net = '10.78.0'
  const world = await makeNamespace()
  const namespaces: Namespace[] = [world]
  let homes = 0
  const addresses = [...Array.from({ length: nodes }, (_, n) => n + 1), 50, 51, 52, 53]
  world.ip([
    'link set lo up',
    'link add br0 type bridge',
    'link set br0 up',
    ...addresses.map((n) => `addr add ${net}.${n}/24 dev br0`),
  ])
  return {
    net,
    prefix: world.enter,
    address: (number) => `${net}.${50 + number}`,
    async addHome(kind) {
      const n = ++homes
      const [nat, home] = [await makeNamespace(), await makeNamespace()]
      namespaces.push(nat, home)
      const outside = `${net}.${100 + n}`
      world.ip([
        `link add nat${n} type veth peer name out netns ${nat.pid}`,
        `link set nat${n} master br0`,
        `link set nat${n} up`,
      ])
      nat.ip([
        'link set lo up',
        `addr add ${outside}/24 dev out`,
        'link set out up',
        `link add in type veth peer name eth0 netns ${home.pid}`,
        `addr add 192.168.${n}.1/24 dev in`,
        'link set in up',
      ])
      const address = `192.168.${n}.2`
      home.ip([
        'link set lo up',
        `addr add ${address}/24 dev eth0`,
        'link set eth0 up',
        `route add default via 192.168.${n}.1`,
      ])
      nat.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
      for (const state of ['timeout', 'timeout_stream']) {
        nat.run(['sysctl', '-qw', `net.netfilter.nf_conntrack_udp_${state}=${FORGETS_S}`])
      }
      nat.run(['nft', '-f', '-'], rules(kind, address))
      return { kind, address, outside, prefix: home.enter }
    },
    async stop() {
      for (const namespace of namespaces.reverse()) await namespace.end()
    },
  }
}

function rules(kind: NatKind, phone: string): string {
  const masquerade = kind === 'symmetric' ? 'masquerade fully-random' : 'masquerade'
  const open =
    kind === 'full cone'
      ? `chain in { type nat hook prerouting priority dstnat; iifname "out" udp dport ${PHONE_PORT} dnat to ${phone}; }`
      : ''
  // Nothing gets in that is no answer, but to the open port.
  return `table ip nat {
    chain out { type nat hook postrouting priority srcnat; oifname "out" ${masquerade}; }
    ${open}
  }
  table ip filter {
    chain forward {
      type filter hook forward priority filter; policy drop;
      iifname "in" accept
      ct state established,related accept
      ct status dnat accept
    }
  }
  `
}
