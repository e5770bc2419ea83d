/**
 * Who is there, who is home for a key, where records live. `Overlay` is the whole of it; what it is made of is exported for
 * simulations and tests. The only package that knows libp2p.
 *
 * @module
 */
export type { Alarm } from './condition/alarms.ts'
export { callHome, type HomeCallComponents } from './home-call.ts'
export type { Member, MemberChange, MemberState, Members, ServiceAddresses, Trouble } from './membership/contract.ts'
export * from './net.index.ts'
export { Overlay, type OverlayComponents, type OverlayInit } from './overlay.ts'
export * from './ring.index.ts'
export * from './store.index.ts'
