import type { Registers } from '../accounts/registers.ts'
import { text } from '../accounts/validate.ts'
import type { Value } from '../schema/types.ts'
import { between, digits, host, type Rules } from './rules.ts'
import { RecordTable } from './table.ts'

export type PeerRow = Value<'TrustedPeer'>
export type CarrierRow = Value<'Carrier'>
export type GatewayRow = Value<'Gateway'>
export type GatewayRuleRow = Value<'GatewayRule'>
export type RouteRow = Value<'Route'>

const name = (value: string, field: string): string => text(value, field, 64)
const flag = between(0, 1)
const callsAtOnce = between(0, 1_000_000)
const stripped = between(0, 32)

export const peerRules: Rules<'TrustedPeer'> = {
  ip: host,
  prefix: digits,
  strip: stripped,
  blocked: flag,
  callLimit: callsAtOnce,
}
export const carrierRules: Rules<'Carrier'> = { name }
export const gatewayRules: Rules<'Gateway'> = { name, ip: host, port: between(1, 65_535) }
export const gatewayRuleRules: Rules<'GatewayRule'> = {
  prefix: digits,
  prepend: digits,
  strip: stripped,
  minLength: between(0, 64),
  maxLength: between(0, 64),
}
export const routeRules: Rules<'Route'> = { prefix: digits, priority: between(0, 1_000_000) }

/** What a new one has where nothing is said. */
export const blankPeer: PeerRow = {
  description: '',
  tags: '',
  billingId: '',
  authToken: '',
  tenant: '',
  carrierName: '',
  originator: '',
  prefix: '',
  strip: 0,
  callLimit: 0,
  blocked: 0,
  prepaid: false,
  enumLookup: false,
  transit: false,
  msteams: false,
  owner: 0,
}
export const blankGateway: GatewayRow = { transport: 'udp', port: 5060 }
export const blankGatewayRule: GatewayRuleRow = { prefix: '', strip: 0, prepend: '', minLength: 0, maxLength: 0 }
export const blankRoute: RouteRow = { prefix: '', originator: '', priority: 0 }

/** How numbers outside are reached: `trustedpeer/<ip>`, `carrier/<id>`, `gateway/<id>`, `gatewayrule/<id>`, `route/<id>`. */
export class TrunkTables {
  readonly peers: RecordTable<PeerRow>
  readonly carriers: RecordTable<CarrierRow>
  readonly gateways: RecordTable<GatewayRow>
  readonly rules: RecordTable<GatewayRuleRow>
  readonly routes: RecordTable<RouteRow>

  constructor(components: { registers: Registers }) {
    this.peers = new RecordTable(components, {
      kind: 'trustedpeer',
      what: 'trusted peer',
      unknown: 'PROVISION_PEER_UNKNOWN',
      exists: 'PROVISION_PEER_EXISTS',
    })
    this.carriers = new RecordTable(components, {
      kind: 'carrier',
      what: 'carrier',
      unknown: 'PROVISION_CARRIER_UNKNOWN',
      exists: 'PROVISION_CARRIER_EXISTS',
    })
    this.gateways = new RecordTable(components, {
      kind: 'gateway',
      what: 'gateway',
      unknown: 'PROVISION_GATEWAY_UNKNOWN',
      exists: 'PROVISION_GATEWAY_EXISTS',
    })
    this.rules = new RecordTable(components, {
      kind: 'gatewayrule',
      what: 'gateway rule',
      unknown: 'PROVISION_RULE_UNKNOWN',
      exists: 'PROVISION_RULE_EXISTS',
    })
    this.routes = new RecordTable(components, {
      kind: 'route',
      what: 'route',
      unknown: 'PROVISION_ROUTE_UNKNOWN',
      exists: 'PROVISION_ROUTE_EXISTS',
    })
  }
}
