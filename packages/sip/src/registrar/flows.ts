/** Which accounts registered over which flow of this node: to tell their homes when a flow is gone. */
import { type Aor, makeRoom } from '@thor-node/core'
import type { FlowToken } from '../transport/contract.ts'

export interface RegisteredFlow {
  /** Wall time in ms up to which the bindings of each account live. */
  accounts: Map<Aor, number>
  /** Contact of the device, when this node is to keep its NAT open. */
  ping?: string
}

/**
 * Bounded: when full, the flows that were registered longest ago are forgotten. Their bindings then end at the first request that
 * cannot be sent, or by themselves.
 */
export class RegisteredFlows {
  readonly #flows = new Map<FlowToken, RegisteredFlow>()
  readonly #max: number

  constructor(init: { max: number }) {
    this.#max = init.max
  }

  get size(): number {
    return this.#flows.size
  }

  /** `until`: wall time in ms; not later than now when nothing is bound any more. */
  note(flow: FlowToken, aor: Aor, until: number, nowMs: number, ping?: string): void {
    const known = this.#flows.get(flow)
    this.#flows.delete(flow)
    const accounts = known?.accounts ?? new Map<Aor, number>()
    if (until > nowMs) accounts.set(aor, until)
    else accounts.delete(aor)
    if (accounts.size === 0) return
    makeRoom(this.#flows, this.#max)
    this.#flows.set(flow, { accounts, ...(ping !== undefined && { ping }) })
  }

  /** Accounts with a live binding on this flow. */
  accountsOn(flow: FlowToken, nowMs: number): Aor[] {
    const known = this.#flows.get(flow)
    if (!known) return []
    for (const [aor, until] of known.accounts) if (until <= nowMs) known.accounts.delete(aor)
    if (known.accounts.size === 0) this.#flows.delete(flow)
    return [...known.accounts.keys()]
  }

  /** Contact of the device to be kept reachable; undefined when there is none, or nothing is registered any more. */
  pingOf(flow: FlowToken, nowMs: number): string | undefined {
    return this.accountsOn(flow, nowMs).length > 0 ? this.#flows.get(flow)?.ping : undefined
  }

  forget(flow: FlowToken): void {
    this.#flows.delete(flow)
  }
}
