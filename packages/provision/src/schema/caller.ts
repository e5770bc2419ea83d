import type { Aor } from '@thor-node/core'

/** Who calls, and with whose rights. */
export interface Caller {
  /** As it logged in; `control socket` on the command line. */
  username: string
  /** Who may administer the node, a login account of a customer, or the user of a SIP account. */
  kind: 'admin' | 'customer' | 'user'
  /** Customer or reseller whose rights apply; 0 = all. */
  impersonate: number
  /** The reseller that new records of this caller belong to. */
  reseller: number
  /** `impersonate` is a reseller, so records of its customers count too. */
  isReseller: boolean
  /** False for those of a reseller that is not active. */
  mayAdd: boolean
  /** The account of a `user`: all that it may see and change. */
  aor?: Aor
  /** Of a token: what it may be used for. Absent: everything. */
  scopes?: readonly string[]
}

/** An administrator with all rights. */
export const adminCaller = (username: string): Caller => ({
  username,
  kind: 'admin',
  impersonate: 0,
  reseller: 0,
  isReseller: true,
  mayAdd: true,
})
