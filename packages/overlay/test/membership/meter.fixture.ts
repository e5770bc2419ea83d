/** Counts what nodes of a test ring send. */
import type { RingNode, TestRing } from './ring.fixture.ts'

/** Per node. */
export interface Traffic {
  bytes: number
  frames: number
}

export class Meter {
  bytes = 0
  frames = 0
  readonly #watched = new Set<RingNode>()

  watch(nodes: readonly RingNode[]): void {
    for (const node of nodes) {
      if (this.#watched.has(node)) continue
      this.#watched.add(node)
      const send = node.peers.send.bind(node.peers)
      node.peers.send = (to, frame) => {
        const isSent = send(to, frame)
        if (isSent) {
          this.bytes += frame.length + 4
          this.frames++
        }
        return isSent
      }
    }
  }

  /** What was sent meanwhile, per node, less what is sent at rest (per second) in that time. */
  async during(ring: TestRing, idle: Traffic | undefined, work: () => Promise<void>): Promise<Traffic> {
    const [bytes, frames, since] = [this.bytes, this.frames, ring.clock.now()]
    await work()
    const seconds = (ring.clock.now() - since) / 1000
    const nodes = ring.nodes.length
    return {
      bytes: Math.round((this.bytes - bytes) / nodes - (idle?.bytes ?? 0) * seconds),
      frames: Math.round((this.frames - frames) / nodes - (idle?.frames ?? 0) * seconds),
    }
  }
}
