export {
  type Certificate,
  generateRingKeys,
  newPlacementId,
  type RingKeys,
  type SignedCertificate,
  signCertificate,
  verifyCertificate,
} from './admission/certificate.ts'
export { Door, type DoorComponents, type DoorInit } from './admission/door.ts'
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
  formatInvite,
  type Grant,
  type Invite,
  type InviteRecord,
  parseInvite,
  type Redemption,
  redeemInvite,
} from './admission/invite.ts'
export { type Admission, type JoinOptions, joinRing } from './admission/join.ts'
export { dialError, isConnectionRefused } from './errors.ts'
export { Libp2pPeerNet, type Libp2pPeerNetComponents, type Libp2pPeerNetInit } from './kad/kad.ts'
export { generateNodeKey, isNodeId, type NodeKey, nodeIdOf, signAsNode, verifyNode } from './kad/node-key.ts'
export { admissionLimits, membershipLimits, netLimits, rpcLimits } from './limits.ts'
export type { Member, MemberChange, MemberState, Members, ServiceAddresses } from './membership/contract.ts'
export type { MembershipComponents, MembershipInit } from './membership/init.ts'
export { Membership } from './membership/members.ts'
export { Roster } from './membership/roster.ts'
export type { SavedRoster } from './membership/roster-keeper.ts'
export { defaultMembership, type MembershipSettings } from './membership/settings.ts'
export type { NodeId, PeerListener, PeerNet } from './peers.ts'
export type { CallOptions, Rpc, RpcHandler } from './rpc/contract.ts'
export { type PeerEvents, PeerRpc, type PeerRpcComponents, type PeerRpcInit } from './rpc/rpc.ts'
