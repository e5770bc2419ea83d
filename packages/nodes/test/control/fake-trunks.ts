import type { TrunkContract, TrunkView } from '../../src/control/trunk-contract.ts'
import { FakeProvision } from './fake-provision.ts'

const AT = Date.UTC(2026, 10, 23, 12)

/** What a node says of trunks. */
export class FakeTrunks extends FakeProvision implements TrunkContract {
  trunk: TrunkView = {
    name: 'carrier',
    target: 'sip:carrier.example;transport=tcp',
    domain: 'carrier.example',
    user: '3120999',
    hasPassword: true,
    register: true,
    expires: 600,
    prefixes: ['+', ''],
    callsMax: 30,
    from: 'trunk',
    probeMs: 10_000,
    failures: 3,
    successes: 2,
    peer: 'carrier',
    changedAt: AT,
    up: true,
    upSince: AT,
    node: 'n2',
    registration: { phase: 'registered', registered: true, status: 200, reason: 'OK' },
    addresses: ['192.0.2.7'],
    calls: 3,
  }

  async trunkList() {
    this.asked.push(['trunkList', {}])
    return { trunks: [this.trunk] }
  }

  async trunkShow(query: Parameters<TrunkContract['trunkShow']>[0]) {
    this.asked.push(['trunkShow', query])
    return this.trunk
  }

  async trunkAdd(query: Parameters<TrunkContract['trunkAdd']>[0]) {
    this.asked.push(['trunkAdd', query])
    return { trunk: query.name }
  }

  async trunkRemove(query: Parameters<TrunkContract['trunkRemove']>[0]) {
    this.asked.push(['trunkRemove', query])
    return { removed: query.name }
  }
}
