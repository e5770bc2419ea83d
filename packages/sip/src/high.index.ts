/** The upper half of this package: proxy, registrar, call control. */
export {
  algorithmsOf,
  type CredentialHashes,
  checkNonce,
  claimedAor,
  judgeAnswer,
  makeNonce,
  NONCE_LIFETIME_MS,
  NonceCounts,
  type NonceJudge,
  type NonceState,
  nonceMadeAt,
  verifyDigest,
} from './auth.ts'
export { type AccountView, type AliasView, isBlocked, sameAor } from './call-control/account-view.ts'
export { answerToFailedAuth, decideAdmission, refuseBind } from './call-control/admission.ts'
export { planCall } from './call-control/call-plan.ts'
export type {
  Admission,
  AdmitQuery,
  AuthVerdict,
  BindingUpdate,
  BindQuery,
  BindResult,
  BoundContact,
  BusyHost,
  CallEndCause,
  CallPlan,
  Calls,
  DialogRecord,
  DialogSide,
  DigestAnswer,
  Diversion,
  Home,
  Instance,
  KeptMessage,
  MediaControl,
  NumberFound,
  NumberLookup,
  NumberQuery,
  PlanQuery,
  Resolver,
  Ring,
  Target,
  UnbindQuery,
} from './delegates.ts'
export { type Emergencies, type EmergencyRegion, isGatewayText, mayBeEmergency } from './emergency/emergency.ts'
export type { Block, BlockCause } from './guard/blocks.ts'
export { defaultGuard, Guard, type GuardNews, type GuardSettings } from './guard/guard.ts'
export { defaultOverload, Overload, type OverloadSettings } from './guard/overload.ts'
export { type Load, PeerLoad } from './guard/peer-load.ts'
export { type Peer, Peers, PrefixSet, parsePrefix } from './guard/peers.ts'
export { sourceKey } from './guard/source.ts'
export { type DialPlan, noPlan, normalise } from './numbers/dial-plan.ts'
export { type Cookie, decodeCookie, encodeCookie, type Reach, tagHash } from './proxy/cookie.ts'
export {
  applyBind,
  type BindLimits,
  type BindOutcome,
  findBinding,
  grantSeconds,
  lostWith,
  type StoredBinding,
} from './registrar/bindings.ts'
export { dnsLookups, type Lookups, type LookupsInit } from './routing/lookups.ts'
export { dnsResolver } from './routing/resolve.ts'
export { SipStack, type SipStackComponents, type SipStackInit } from './stack.ts'
export type { TracedMessage, Watched } from './trace/contract.ts'
export { TraceRecorder } from './trace/recorder.ts'
export type { Credentials } from './trunk/answer.ts'
export { type Health, judgeHealth, unknownHealth } from './trunk/health.ts'
export { type LineReport, TrunkLine } from './trunk/line.ts'
export { CSEQS_PER_ATTEMPT, type RegistrationClaim } from './trunk/registrant.ts'
export type { Trunk, TrunkState } from './trunk/trunk.ts'
export { loadName, Trunks } from './trunk/trunks.ts'
export { buildBye, type EndReason } from './ua/bye.ts'
