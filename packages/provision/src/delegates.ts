import type { CallRecord } from '@thor-node/accounting'
import type { Aor } from '@thor-node/core'

/** Where a device can be reached, as registered. */
export interface DeviceLocation {
  /** Host and port of the Contact. */
  address: string
  port: number
  /** Where the packets came from: differs behind NAT. */
  publicAddress: string
  publicPort: number
  /** Seconds until the registration ends. */
  expiresSeconds: number
  userAgent: string
  transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
}

/** The registrar's knowledge. */
export interface DeviceLocations {
  /** Empty when nothing is registered, or the account does not exist. */
  locations(aor: Aor): Promise<DeviceLocation[]>
}

export interface CallHistoryQuery {
  direction: 'placed' | 'received'
  /** Epoch milliseconds, both inclusive, of the start of the call. Absent: no bound. */
  from?: number | undefined
  to?: number | undefined
  /** At most so many, newest first. */
  limit: number
}

export interface CallHistory {
  calls(aor: Aor, query: CallHistoryQuery): Promise<CallRecord[]>
}

/** A SIP message of somebody who is traced, as one node saw it. */
export interface TracedSip {
  /** Name of the node. */
  node: string
  /** Counts up at that node. */
  seq: number
  /** Epoch milliseconds, with fractions. */
  at: number
  direction: 'in' | 'out'
  transport: string
  /** `192.0.2.1:5060`; of the node. */
  local: string
  remote: string
  callId: string
  text: string
}

export interface RunningTrace {
  account: Aor
  /** Epoch milliseconds. */
  startedAt: number
  until: number
}

/** SIP traces of accounts, over all nodes. */
export interface SipTraces {
  /** On all nodes when it returns. Replaces the one that runs. */
  begin(trace: RunningTrace & { names: readonly Aor[] }): Promise<void>
  /** What was kept is forgotten. False: there was none. */
  end(account: Aor): Promise<boolean>
  list(): Promise<RunningTrace[]>
  /** By time; `after`: node → the last number that is known of it. `now` is the time of the node that was asked. */
  read(
    account: Aor,
    after: Readonly<Record<string, number>>,
  ): Promise<{ messages: TracedSip[]; dropped: number; silent: string[]; now: number }>
  /** By time. `nodeIp`: of that node alone. */
  ofCall(filter: { callId: string; nodeIp?: string | undefined }): Promise<TracedSip[]>
}

/** What the nodes themselves know now. All of it goes out as JSON, in the shapes that portals know. */
export interface NetworkState {
  /** By node id. */
  status(): Promise<Record<string, { ip: string; version: string; roles: string[]; [attribute: string]: unknown }>>
  /** By node address → role → section → domain → number, and `summary` of the same shape. */
  statistics(): Promise<Record<string, Record<string, Record<string, Record<string, number>>>>>
  /** One entry per media relay. */
  mediaSummary(): Promise<Record<string, unknown>[]>
  /** One entry per relayed call. */
  mediaSessions(): Promise<Record<string, unknown>[]>
  /** Of a call that goes on, or of one that is over. */
  mediaTrace(filter: {
    callId: string
    fromTag?: string | undefined
    toTag?: string | undefined
  }): Promise<Record<string, unknown> | undefined>
}
