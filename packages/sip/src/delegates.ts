import type { Address, Aor } from '@thor-node/core'
import type { FlowToken, TransportName } from './transport/contract.ts'

/**
 * What this package needs from outside. The home of an account decides; the edge, which runs this package, carries.
 * `nodes/src/adapters/` fits the ring, the media relay and the accounting to these. Every method may reject with a
 * ThorError: the proxy answers 503 with Retry-After then, except where a comment says otherwise.
 */

/** The digest credentials of a request, parsed (RFC 7616, RFC 8760), with what is needed to check them. */
export interface DigestAnswer {
  username: string
  realm: string
  nonce: string
  uri: string
  response: string
  /** `MD5`, `SHA-256` or `SHA-512-256`; `MD5` when absent. */
  algorithm: string
  cnonce?: string
  nc?: string
  qop?: string
  /** Method of the request. */
  method: string
  /** Hash of the body by that algorithm, for `qop=auth-int`. */
  bodyHash?: string
}

/** Outcome of a digest check at the home. `stale`: right user, old nonce: challenge again with stale=true. */
export type AuthVerdict =
  | { ok: true }
  | {
      ok: false
      cause: 'no-credentials' | 'unknown-user' | 'wrong-password' | 'stale' | 'replay' | 'unsupported-algorithm'
    }

export interface AdmitQuery {
  /** Whose credentials: from the digest username and realm, else from From. */
  aor: Aor
  method: string
  answer?: DigestAnswer
  /** AOR of From: must be the account or one of its aliases, unless `anonymous`. */
  from: Aor
  /** The same, where it is a number that is dialled otherwise than it is written at home. */
  fromNumber?: Aor
  /** Perhaps an emergency call: a blocked account, or a From that is not the caller's, does not refuse it. */
  emergency?: boolean
  /** From says nothing. */
  anonymous?: boolean
  /** P-Preferred-Identity (RFC 3325): addresses by which the caller would like to be known. */
  preferred?: readonly Aor[]
  /** Address that the request came from. */
  source: Address
  /** Algorithms that this edge challenges with. */
  offers?: readonly string[]
}

/** What the caller's home says: go on with this identity, or refuse with this status; `challenge` asks for (new) credentials. */
export type Admission =
  | {
      verdict: 'admit'
      account: Aor
      /** The address of the account that others are told. */
      identity: Aor
      displayName?: string
      groups: readonly string[]
      callLimit: number
      /** Of emergency calls. */
      region?: string
      /** Trees in which numbers are looked up for him, in this order and no others. */
      trees?: readonly string[]
      /** Why anything but an emergency call is refused. */
      onlyEmergency?: string
      /** Nobody could be asked whether it is he. */
      unproven?: boolean
      /** What may be the caller's number outside: the one that he was given, or users of his addresses; the best first. */
      numbers?: readonly string[]
      /** The account hides its number in every call. */
      hidden?: boolean
    }
  | { verdict: 'challenge'; stale: boolean; algorithms: readonly string[] }
  | { verdict: 'refuse'; status: number; reason: string; retryAfter?: number }

export interface PlanQuery {
  /** Whom the request is for: an account or an alias. */
  aor: Aor
  method: string
  caller?: Aor
  /** The callee is not told who calls. */
  anonymous?: boolean
  /** This device of the callee alone (RFC 5627). */
  only?: Instance
}

/** Somebody sends his calls elsewhere (RFC 5806). */
export interface Diversion {
  by: Aor
  reason: 'unconditional' | 'user-busy' | 'no-answer' | 'unavailable' | 'deflection'
  /** His own address is not shown. */
  hidden?: boolean
}

/** One device of an account. */
export interface Instance {
  /** `urn:uuid:…` */
  instance: string
  /** Mark of the registration that was meant; 404 when it has given way to another. */
  registration?: string
}

/** One device of the callee: where to send, in one piece of data that any node can act on. */
export interface Target {
  /** Request-URI for the branch: the registered Contact. */
  uri: string
  /** Name of the node that holds the flow, and the flow. */
  edge: string
  flow: FlowToken
  /** External proxies between the edge and the device (RFC 3327), outermost first. */
  path: readonly string[]
  /** 0 … 1000, as q × 1000. */
  q: number
  instance?: string
  /** More flows of the same device (RFC 5626), to be tried one after another, never at the same time as this one. */
  others?: readonly Target[]
}

/** What the callee's home says. Targets of equal q ring in parallel, lower q after higher. */
export type CallPlan =
  | { verdict: 'ring'; account: Aor; targets: readonly Target[] }
  /** Without `diversion` it is another name of the same callee. */
  | { verdict: 'redirect'; aor: Aor; diversion?: Diversion }
  /** Offline: what is sent to him is kept. */
  | { verdict: 'keep'; account: Aor }
  | { verdict: 'refuse'; status: number; reason: string }

export interface BindingUpdate {
  contact: string
  /** Header parameters of the Contact other than expires and q. */
  params: Readonly<Record<string, string>>
  q: number
  /** Seconds; 0 removes. */
  expires: number
  /** How this contact is reached, when not by the flow of the registration: a Contact elsewhere, without NAT between. */
  flow?: FlowToken
}

export interface BindQuery {
  aor: Aor
  answer?: DigestAnswer
  callId: string
  cseq: number
  /** `'all'` = Contact: * with Expires 0; empty = query. */
  contacts: readonly BindingUpdate[] | 'all'
  edge: string
  flow: FlowToken
  path: readonly string[]
  userAgent: string
  source: Address
  /** The device is behind NAT (source differs from Via or Contact), or uses UDP without NAT, or a connection. */
  transport: string
  nat: boolean
  /** Algorithms that this edge challenges with. */
  offers?: readonly string[]
  /** RFC 5626: a Contact with `reg-id` is one of several flows of its device. Otherwise `reg-id` means nothing. */
  outbound?: boolean
}

/** A flow that is gone for good: a closed connection. */
export interface UnbindQuery {
  aor: Aor
  edge: string
  flow: FlowToken
}

export interface BoundContact {
  contact: string
  params: Readonly<Record<string, string>>
  q: number
  /** Seconds left. */
  expires: number
  /** Of a device with an instance: what its GRUUs are made of. */
  gruu?: { instance: string; callId: string }
}

export type BindResult =
  /** `waiting`: there are kept messages for the account. */
  | { verdict: 'bound'; contacts: readonly BoundContact[]; waiting?: boolean }
  | { verdict: 'challenge'; stale: boolean; algorithms: readonly string[] }
  /** `minExpires`, `retryAfter`: seconds. */
  | { verdict: 'refuse'; status: number; reason: string; minExpires?: number; retryAfter?: number }

/** A MESSAGE (RFC 3428) for somebody who is offline. */
export interface KeptMessage {
  id: string
  /** From as the receiver is to see it, without a tag. */
  from: string
  /** Asserted address of the sender, unless he withheld it. */
  identity?: Aor
  contentType: string
  body: Uint8Array
  /** Wall time in ms. */
  sentAt: number
}

/** The homes of accounts. */
export interface Home {
  admit(query: AdmitQuery): Promise<Admission>
  plan(query: PlanQuery): Promise<CallPlan>
  bind(query: BindQuery): Promise<BindResult>
  /** Removes the bindings that this flow was the only way to. */
  unbind(query: UnbindQuery): Promise<void>
  /** Keeps a message of an account whose plan said so; `full`: too many are kept. */
  keep(query: { aor: Aor; message: KeptMessage }): Promise<'kept' | 'full'>
  /** What is kept for an account, in the order in which it was sent. */
  kept(query: { aor: Aor }): Promise<readonly KeptMessage[]>
  /** A device has it. */
  delivered(query: { aor: Aor; id: string }): Promise<void>
  /** Is this domain served here? From a local copy, answers at once. */
  servesDomain(domain: string): boolean
}

/** Media relays. SDP in, SDP out; `side` says who wrote it. */
export interface MediaControl {
  /**
   * SDP on its way from one side to the other: returns it with the relay's addresses. The first offer of a call chooses the
   * relay. Rejects with `MEDIA_…` when no relay can; the proxy then answers 503 (500 when the SDP is not readable: 488).
   */
  rewrite(query: {
    callUuid: string
    side: 'caller' | 'callee'
    kind: 'offer' | 'answer'
    branch: string
    sdp: string
    from: Address
    /** Where the other side is reached, as far as it is known: its address family is that of the ports it is given. */
    towards?: Address
  }): Promise<string>
}

/** Who is calling whom and how to reach both: enough to end the call from any node. */
export interface DialogRecord {
  callUuid: string
  callId: string
  /** Caller's and callee's side of the dialog, for a BYE that we send. */
  caller: DialogSide
  callee: DialogSide
}

export interface DialogSide {
  /** AOR of the account, or the URI of an outside party. */
  identity: string
  /** Complete value of From (caller) or To (callee) with tag. */
  nameAddr: string
  tag: string
  /** Remote target: the Contact of that party. */
  target: string
  /** Where it is reached: node and flow; undefined for outside parties without one. */
  edge?: string
  flow?: FlowToken
  /** Route set towards that party beyond our own Record-Route. */
  routes: readonly string[]
  /** Highest CSeq number seen from the other party towards this one: a BYE from us must use a higher one. */
  cseq: number
  userAgent: string
}

export type CallEndCause = 'bye-caller' | 'bye-callee' | 'media-timeout' | 'max-duration' | 'admin' | 'lost'

/** By which tree of ENUM, and as which number of the world (`+31208005100`), a call was led. */
export interface LedByEnum {
  tree: string
  number: string
}

/** Calls as the ring knows them: limits, records, the way back in. */
export interface Calls {
  /** A new call of this account: makes the id that every later message carries. */
  newCallUuid(billedTo: Aor): string
  /**
   * Answered: stores the open call record (durable) and the dialog (soft) before the 200 OK goes to the caller. When it
   * rejects, the proxy goes on with the call: the record is spooled at this node.
   */
  answered(query: {
    dialog: DialogRecord
    billedTo: Aor
    callee?: Aor
    requestUri: string
    /** What led the call, where ENUM did. */
    enum?: LedByEnum
    sdpCaller?: string
    sdpCallee?: string
    /** Without a refresh in this time (RFC 4028) the parties count as gone. */
    sessionSeconds?: number
  }): Promise<void>
  /** The parties have agreed again that the call goes on, for so long. */
  refreshed(query: { callUuid: string; seconds: number }): Promise<void>
  /**
   * A BYE passed, or an end was decided: releases the relay and closes the record, exactly once however often called.
   * `calleeTag`: tag of the callee in the dialog that ended, where known: of a forked call with two answers only one counts.
   */
  ended(query: { callUuid: string; cause: CallEndCause; status?: number; calleeTag?: string }): Promise<void>
  /** The call was set up in vain (refused, cancelled): releases what was taken. */
  failed(query: { callUuid: string; status: number }): Promise<void>
}

/** The other nodes of the ring, as far as SIP must reach through them. */
/** Who answered 503 with Retry-After (RFC 3261 §21.5.4). */
export interface BusyHost {
  transport: TransportName
  remote: Address
  /** How long it wants to be left alone. */
  seconds: number
}

export interface Ring {
  /** Name of this node, as it stands in Target.edge. */
  readonly self: string
  /** Writes bytes on a flow that another node holds. Rejects when that node or flow is gone. */
  sendOnFlow(edge: string, flow: FlowToken, bytes: Uint8Array): Promise<void>
  /** Hands a response to the node whose Via it carries. */
  passResponse(edge: string, bytes: Uint8Array): Promise<void>
  /** Tells the others of a host outside that asked to be left alone. @default nobody is told */
  tellBusy?(busy: BusyHost): void
  /** Node whose SIP address is this, if any: for Vias and Routes that name another node. */
  nodeAt(address: Address): string | undefined
  /** Key shared by all nodes of the ring, for cookies and nonces. */
  readonly cookieKey: Uint8Array
}

export interface NumberQuery {
  number: string
  method: string
  caller?: Aor
  trees?: readonly string[]
}

export interface NumberFound {
  /** The tree that leads, such as `e164.arpa`. */
  tree: string
  uris: readonly string[]
}

/** Where telephone numbers lead by ENUM (RFC 6116). */
export interface NumberLookup {
  /**
   * URIs of the schemes sip, sips and tel that a number leads to for this method, best first, at least one. `number` made normal by
   * the dial plan: without + it is a local one. `trees`: those of the caller, where he has an order of his own. Never rejects: what
   * cannot be found out leads nowhere, undefined.
   */
  find(query: NumberQuery): Promise<NumberFound | undefined>
}

/** Where a foreign host is reached (RFC 3263). Rejects, or gives an empty list, when it cannot be found. */
export interface Resolver {
  resolve(query: {
    host: string
    port?: number
    transport?: TransportName
    /** Over TLS alone (`sips:`). */
    secure?: boolean
  }): Promise<readonly { transport: TransportName; remote: Address }[]>
}
