/** What the load is started with, is told, and tells. */
import type { Operation } from './history.ts'

export interface LoadNode {
  number: number
  address: string
  data: string
}

export interface LoadInit {
  nodes: LoadNode[]
  domain: string
  adminPassword: string
  clientAddress: string
  /** u0 … : written and looked up. */
  accounts: number
  /** p0 … with passwords secret-p0 … : registered, and they call each other. */
  phones: number
  /** Of writes, look-ups at each node, REGISTERs of each phone, calls, claims. */
  everyMs: { write: number; lookup: number; register: number; call: number; claim: number }
}

export type ToLoad =
  | { type: 'targets'; live: number[] }
  | { type: 'node'; node: LoadNode }
  /** Its open attempts may still take effect, however late. */
  | { type: 'paused'; numbers: number[] }
  /** At once: writes of these accounts at these nodes, look-ups at these nodes. */
  | { type: 'burst'; writes: { account: number; node: number }[]; lookups: number[] }
  /** Adds b0 …, of 128 KB each. */
  | { type: 'fill'; accounts: number }
  | { type: 'quiet' }
  | { type: 'resume' }
  | { type: 'stop' }

export type FromLoad =
  | { type: 'ready' }
  | { type: 'quiet' }
  | { type: 'filled' }
  | { type: 'operations'; list: Operation[] }
