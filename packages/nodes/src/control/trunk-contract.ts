/** What can be asked of a node about trunks. Part of `NodeOperations`. */

export interface TrunkAddQuery {
  name: string
  /** `sip:carrier.example;transport=tcp` */
  target: string
  /** Of the addresses at the carrier; that of the target when absent. */
  domain?: string
  user?: string
  password?: string
  register: boolean
  expiresSeconds: number
  /** '' is any number. */
  prefixes: string[]
  /** 0: any number. */
  callsMax: number
  from: 'trunk' | 'caller'
  /** 0: never. */
  probeSeconds: number
  failures: number
  successes: number
  peer?: string
}

export interface TrunkView {
  name: string
  target: string
  domain: string
  user?: string
  hasPassword: boolean
  register: boolean
  /** Seconds. */
  expires: number
  prefixes: readonly string[]
  callsMax: number
  from: 'trunk' | 'caller'
  probeMs: number
  failures: number
  successes: number
  peer?: string
  /** Epoch milliseconds. */
  changedAt: number
  /** Null: nobody has said yet. */
  up: boolean | null
  /** Epoch milliseconds of the last change; null: there was none. */
  upSince: number | null
  /** Name of the node that looks after it. */
  node: string | null
  registration: { phase: string; registered: boolean; status: number; reason: string } | null
  /** That answered of late. */
  addresses: readonly string[]
  /** Out, of the whole ring, now. */
  calls: number
}

export interface TrunkContract {
  trunkList(): Promise<{ trunks: TrunkView[] }>
  /** Rejects with `NODE_TRUNK_UNKNOWN`. */
  trunkShow(query: { name: string }): Promise<TrunkView>
  /** Adds a trunk, or replaces the one of that name. Rejects with `NODE_TRUNKS_FULL`, `NODE_PEER_UNKNOWN`. */
  trunkAdd(query: TrunkAddQuery): Promise<{ trunk: string }>
  /** Rejects with `NODE_TRUNK_UNKNOWN`. */
  trunkRemove(query: { name: string }): Promise<{ removed: string }>
}
