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
