/** Media relays, as far as money is concerned: each forwards while its lease lasts, counted on its own monotonic clock. */
import type { SimNode } from './sim-node.ts'

export const LEASE_METHOD = 'sim.lease'
export const SLICE_MS = 4_000
/** What a relay forwards beyond the time that is paid. */
export const GRACE_MS = 5_000

/**
 * What is granted counts from the start of the call, so a message that comes late lengthens nothing. A relay that does not know
 * the call yet cannot tell how late a message is that it finds when it wakes: it answers with its own time first, and `elapsedMs`,
 * taken after that answer, anchors the start there. Nothing granted: the call is over, and no grant that comes late opens it again.
 */
export interface LeaseRequest {
  id: string
  elapsedMs: number
  grantedMs: number
  /** As the relay answered. */
  asked?: LeaseAnswer
}

/** When a relay asked, on its monotonic clock, in which life of its process. Null: it asks nothing. */
export type LeaseAnswer = { boot: number; at: number } | null

/** Media that one relay forwarded for one call, in true time; a process that stands still forwards nothing. */
export interface Forwarded {
  id: string
  node: string
  fromMs: number
  /** Infinity while it goes on. */
  toMs: number
  stillMs: number
}

export class Relays {
  readonly forwarded: Forwarded[] = []

  /** Serves leases at a node that has just started. A relay that crashes forwards nothing more. */
  serve(node: SimNode): void {
    const { overlay, clock, boots: boot } = node
    const leases = new Map<string, { span: Forwarded; startedAt: number; timer: { cancel(): void } }>()
    const over = new Set<string>()
    const end = (id: string): void => {
      over.add(id)
      const lease = leases.get(id)
      if (!lease) return
      lease.timer.cancel()
      lease.span.toMs = Math.min(lease.span.toMs, clock.now())
      lease.span.stillMs += clock.stoodStillMs
      leases.delete(id)
    }
    overlay?.rpc.serve(LEASE_METHOD, ({ id, elapsedMs, grantedMs, asked }: LeaseRequest): LeaseAnswer => {
      if (grantedMs === 0) end(id)
      if (over.has(id)) return null
      const known = leases.get(id)
      if (!known && asked?.boot !== boot) return { boot, at: clock.now() }
      known?.timer.cancel()
      const startedAt = known?.startedAt ?? (asked?.at ?? 0) - elapsedMs
      const span = known?.span ?? this.#begin(node, id)
      const leftMs = startedAt + grantedMs + GRACE_MS - clock.now()
      leases.set(id, { span, startedAt, timer: leaseTimer(node, leftMs, () => end(id)) })
      return null
    })
  }

  #begin({ index, clock }: SimNode, id: string): Forwarded {
    const open = Number.POSITIVE_INFINITY
    const span: Forwarded = { id, node: `n${index}`, fromMs: clock.now(), toMs: open, stillMs: -clock.stoodStillMs }
    this.forwarded.push(span)
    return span
  }

  /** The process is gone. */
  stop(node: SimNode, now: number): void {
    for (const span of this.forwarded) {
      if (span.node === `n${node.index}` && span.toMs === Number.POSITIVE_INFINITY) {
        span.toMs = now
        span.stillMs += node.clock.stoodStillMs
      }
    }
  }
}

/** The end of a lease, by elapsed time: a wall clock that is set does not move it. */
function leaseTimer({ clock }: SimNode, forMs: number, end: () => void): { cancel(): void } {
  const until = clock.now() + forMs
  let timer = clock.after(0, () => undefined)
  const look = (): void => {
    const left = until - clock.now()
    if (left <= 0) end()
    else timer = clock.after(Math.min(left, 500), look)
  }
  look()
  return { cancel: () => timer.cancel() }
}
