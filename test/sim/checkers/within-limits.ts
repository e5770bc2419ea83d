import { diskLimits, netLimits, regLimits, rpcLimits, softLimits } from '@thor-node/overlay'
import type { Cluster, Watcher } from '../cluster.ts'
import type { SimNode } from '../sim-node.ts'

/** Often enough to see what a burst fills, and rare enough to cost nothing. */
const EVERY_MS = 50

interface Sizes {
  reg: { carried: number; waiting: number; copies: number; unknown: number }
  soft: { entries: number; owed: number }
}

/**
 * I16: queues and tables stay within their limits. Looks at a node now and then when it writes: with timers of its own it would
 * change the run.
 */
export class WithinLimits implements Watcher {
  readonly wrong = new Set<string>()
  readonly #cluster: Cluster
  readonly #lookAt = new Map<SimNode, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  written(node: SimNode): void {
    const now = this.#cluster.clock.now()
    if (now < (this.#lookAt.get(node) ?? 0)) return
    this.#lookAt.set(node, now + EVERY_MS)
    this.#look(node)
  }

  /** A register remembers so many operations. */
  remembered(name: string, count: number): void {
    this.#check('operations remembered by a register', count, regLimits.recentRepeatMax, name)
  }

  #look({ overlay, index, certificate, commit }: SimNode): void {
    if (!overlay) return
    const at = `n${index}`
    const { reg, soft } = overlay.snapshot() as unknown as Sizes
    this.#check('promises carried', reg.carried, regLimits.carriedMax, at)
    this.#check('operations waiting for one register', reg.waiting, regLimits.waitingPerKeyMax, at)
    this.#check('copies for near reads', reg.copies, regLimits.copiesMax, at)
    this.#check('operations of unknown outcome', reg.unknown, regLimits.unknownMax, at)
    this.#check('expiring entries', soft.entries, softLimits.entriesMax, at)
    this.#check('entries that owners missed', soft.owed, softLimits.owedMax * this.#cluster.all.length, at)
    this.#check('operations waiting for the disk', commit?.snapshot().waiting ?? 0, diskLimits.waitingOperationsMax, at)
    for (const { peer, calls, handlers } of overlay.rpc.snapshot()) {
      this.#check('calls to one node', calls, rpcLimits.callsPerPeerMax, at)
      this.#check('handlers for one node', handlers, rpcLimits.handlersPerPeerMax, at)
      const waiting = this.#cluster.network.links.waitingBytes(certificate.nodeId, peer)
      this.#check('bytes on the way to one node', waiting, netLimits.sendQueueBytesMax, at)
    }
  }

  #check(what: string, size: number, limit: number, where: string): void {
    if (size > limit) this.wrong.add(`I16 ${where}: ${size} ${what}, at most ${limit} allowed`)
  }
}
