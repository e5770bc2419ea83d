/** What a chaos run writes down: what clients asked and heard, and what was done to the ring. Times are epoch ms, with fractions. */

/** A client's attempt at one node. Attempts of one wish share `wish`; the last one of it succeeded, or the run ended. */
interface Attempt {
  wish: number
  /** The node that was asked, 1, 2, 3 … */
  node: number
  from: number
  to: number
  /**
   * `ok`: acknowledged. `refused`: an answer that says that nothing happened. `unknown`: no answer, or one that says so.
   * `unreachable`: it was not even sent.
   */
  outcome: 'ok' | 'refused' | 'unknown' | 'unreachable'
  /** Code or sentence of what failed. */
  error?: string
}

/** The name of an account was set to `c<value>`; each account has one writer, and its values grow by one per wish. */
export interface Write extends Attempt {
  type: 'write'
  subject: string
  value: number
}

/** The account was read strictly; -1: there was none. */
export interface Lookup extends Attempt {
  type: 'lookup'
  subject: string
  value?: number
}

/** REGISTER number `value` of a phone. */
export interface Register extends Attempt {
  type: 'register'
  subject: string
  value: number
}

/** The bindings of a phone's account were read: number of the REGISTER that made each. */
export interface Binding extends Attempt {
  type: 'binding'
  subject: string
  values?: number[]
}

/** A new account `subject` was wanted by two at once, at two nodes; `by` became its name when it was acknowledged. */
export interface Claim extends Attempt {
  type: 'claim'
  subject: string
  by: string
}

/** An INVITE; `ok`: answered with 200. */
export interface Call extends Attempt {
  type: 'call'
  callId: string
}

/** A BYE of an answered call; `ok`: 200. */
export interface Hangup extends Attempt {
  type: 'hangup'
  callId: string
}

export type Operation = Write | Lookup | Register | Binding | Claim | Call | Hangup

/** Something was done to the ring. Operations that overlap `at` … `until` are looked at for how long they failed. */
export interface Fault {
  type: 'fault'
  name: string
  at: number
  /** When the scenario had what it waited for. */
  until: number
  /** Nodes that are gone or cut off: what they answer is not counted as an outage. */
  victims: number[]
  /** Home and replicas of each account just before. */
  places?: Record<string, { home: number; replicas: number[] }>
  /** By account, the nodes that reach no majority of its replicas: refusals there are right, and only their speed counts. */
  minority?: Record<string, number[]>
  /** Figures of the scenario, in ms. */
  figures?: Record<string, number>
}

/**
 * What is promised less of bindings. `reads`: those that overlap the time may be older by `forgetMs`, as both sides of a cut serve
 * what they know. `registers`: those acknowledged in the time may be forgotten: a power cut of all costs the last 10 s.
 */
export interface Lenient {
  type: 'lenient'
  of: 'reads' | 'registers'
  from: number
  to: number
  forgetMs: number
}

/** What stood in the ring in the end, read at one node after everything was quiet. */
export interface Final {
  type: 'final'
  node: number
  accounts: { aor: string; displayName: string }[]
  calls: { callId: string; closed: boolean }[]
  /** Ranges whose copies were not equal at last, as `ring verify` says. */
  differing?: string[]
}

export type Entry = Operation | Fault | Lenient | Final
