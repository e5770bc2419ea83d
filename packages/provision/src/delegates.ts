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
  from?: number
  to?: number
  /** At most so many, newest first. */
  limit: number
}

export interface CallHistory {
  calls(aor: Aor, query: CallHistoryQuery): Promise<CallRecord[]>
}
