/** As whom a trusted peer goes on. */
import { splitAor } from '@thor-node/core'
import type { Admission } from '../delegates.ts'
import type { Peer } from '../guard/peers.ts'

type Caller = Extract<Admission, { verdict: 'admit' }>

/** The account that stands for it, with its rights; without one it is somebody from elsewhere. */
export const callerOf = ({ account }: Peer): Caller | undefined =>
  account === undefined ? undefined : { verdict: 'admit', account, identity: account, groups: [], callLimit: 0 }

/** Whose domain a number means, or a user at a node's own address. */
export const ownDomain = (caller: Caller | undefined, peer: Peer | undefined): string | undefined =>
  peer?.domain ?? (caller && splitAor(caller.account)?.domain)
