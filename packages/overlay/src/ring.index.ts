export { Balancer, type BalancerComponents, type BalancerInit } from './ranges/balancer.ts'
export { hasQuorum, voters } from './ranges/config.ts'
export { ConfigTable, type ConfigTableComponents, type ConfigTableInit } from './ranges/config-table.ts'
export type {
  ConfigMember,
  RangeConfig,
  RangeConfigs,
  RangeInfo,
  RangeRecords,
  Ranges,
} from './ranges/contract.ts'
export { RangeView, type RangeViewComponents } from './ranges/home.ts'
export { type ChangeLimits, defaultChangeLimits } from './ranges/limits.ts'
export { type Placement, type PlacementNode, Placer } from './ranges/placement.ts'
export type { MoveGroup } from './ranges/progress.ts'
export { type Assessment, type Loss, type Recovered, Recovery } from './ranges/recover.ts'
export { boundsOf } from './ranges/shares.ts'
export { ConfigSpread, type SpreadComponents, type SpreadInit } from './ranges/spread.ts'
export { type MemberDigests, type RangeVerdict, RECORD_KINDS, type RecordKind, Verifier } from './ranges/verify.ts'
export { decodeRecord as decodeRegister, splitKey as splitRegisterKey } from './store/acceptor-record.ts'
export { AcceptorStore, type AcceptorStoreComponents } from './store/acceptor-store.ts'
export { type Ballot, compareBallots } from './store/ballot.ts'
export { type RegComponents, type RegInit, Registers } from './store/reg.ts'
export { regLimits } from './store/reg-limits.ts'
export { readRegister } from './store/reg-value.ts'
