import type { Address, Aor } from '@thor-node/core'
import type { TransportName } from '../transport/contract.ts'

export interface Path {
  transport: TransportName
  local: Address
  remote: Address
}

/** Sees every message that is received and sent, as bytes, while somebody is traced. Never throws. */
export interface Tap {
  saw(direction: 'in' | 'out', bytes: Uint8Array, path: Path): void
}

export interface Watched {
  account: Aor
  /** The account, its aliases and numbers. */
  names: readonly Aor[]
  /** Wall time in ms at which the trace ends by itself. */
  until: number
}

export interface TracedMessage {
  /** Counts up at one node; it says which were read already. */
  seq: number
  /** Wall time in ms, with fractions. */
  at: number
  direction: 'in' | 'out'
  transport: TransportName
  /** `192.0.2.1:5060` */
  local: string
  remote: string
  callId: string
  /** Bytes as latin1; answers to challenges are made unreadable. */
  text: string
}
