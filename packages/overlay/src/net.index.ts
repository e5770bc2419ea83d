export {
  Authority,
  type AuthorityComponents,
  type AuthorityInit,
  ISSUER_ROLE,
  type IssuerState,
  noIssuer,
} from './admission/authority.ts'
export {
  type Certificate,
  certificateLimits,
  newPlacementId,
  type SignedCertificate,
  signCertificate,
  verifyCertificate,
} from './admission/certificate.ts'
export { type AdmitRequest, type AdmitVerdict, Door, type DoorComponents, type DoorInit } from './admission/door.ts'
export {
  createRingIdentity,
  decodeRingIdentity,
  encodeRingIdentity,
  fingerprintOf,
  type RingIdentity,
} from './admission/identity.ts'
export {
  chooseName,
  chooseZone,
  createInvite,
  createInviteRecord,
  defaultInviteLifetimeMs,
  doorKeyOf,
  formatInvite,
  type Grant,
  type Invite,
  type InviteDoor,
  type InviteRecord,
  parseInvite,
  type Redemption,
  redeemInvite,
} from './admission/invite.ts'
export {
  certifyIssuer,
  createIssuer,
  createRoot,
  type IssuerCertificate,
  type IssuerKey,
  type IssuerRequest,
  issuerLimits,
  type RingTrust,
  type RootKey,
  readIssuer,
  trustOf,
} from './admission/issuer.ts'
export { type Admission, askStanding, type JoinOptions, joinRing, type Standing } from './admission/join.ts'
export { type Revocation, type SignedRevocation, signRevocation } from './admission/revocation.ts'
export { decodeRootKey, encodeRootKey } from './admission/root-file.ts'
export type { KeyPair, Signed } from './admission/signed.ts'
export { StandingCheck, type StandingCheckComponents } from './admission/standing.ts'
export { dialError, isConnectionRefused } from './errors.ts'
export { Libp2pPeerNet, type Libp2pPeerNetComponents, type Libp2pPeerNetInit } from './kad/kad.ts'
export { generateNodeKey, isNodeId, type NodeKey, nodeIdOf, signAsNode, verifyNode } from './kad/node-key.ts'
export { admissionLimits, membershipLimits, netLimits, rpcLimits } from './limits.ts'
export type { Member, MemberChange, MemberState, Members, ServiceAddresses } from './membership/contract.ts'
export type { PutOut } from './membership/gatekeeper.ts'
export type { MembershipComponents, MembershipInit } from './membership/init.ts'
export { Membership } from './membership/members.ts'
export { Roster, type RosterContents, type RosterInit, type RosterNews } from './membership/roster.ts'
export type { SavedRoster } from './membership/roster-keeper.ts'
export { defaultMembership, type MembershipSettings } from './membership/settings.ts'
export type { NodeId, PeerListener, PeerNet } from './peers.ts'
export type { CallOptions, Rpc, RpcHandler } from './rpc/contract.ts'
export { encode as encodeRpc } from './rpc/messages.ts'
export { type PeerEvents, PeerRpc, type PeerRpcComponents, type PeerRpcInit } from './rpc/rpc.ts'
