import { encodeRpc, generateNodeKey, type MemoryPeerNet, type NodeId, nodeIdOf } from '@thor-node/overlay'
import type { Cluster } from './cluster.ts'

const PERIOD_MS = 1_500

/** Somebody without a certificate who knows the protocol: dials every node again and again, and asks for records. */
export class Stranger {
  readonly nodeId: NodeId
  /** Frames that any node sent to it. */
  served = 0
  /** Connections that a node took. */
  admitted = 0
  readonly #cluster: Cluster
  readonly #net: MemoryPeerNet

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.nodeId = nodeIdOf(generateNodeKey(cluster.random.fork()))
    this.#net = cluster.network.mint(this.nodeId, { isMember: () => true })
    this.#net.listener = {
      onConnected: () => {
        this.admitted++
      },
      onDisconnected: () => undefined,
      onFrame: () => {
        this.served++
      },
    }
  }

  async start(): Promise<void> {
    await this.#net.start()
    const { clock } = this.#cluster
    let at = 0
    const turn = (): void => {
      const node = this.#cluster.all[at++ % this.#cluster.all.length]
      if (node?.up) void this.#knock(node.certificate.nodeId)
      clock.after(PERIOD_MS, turn)
    }
    turn()
  }

  async #knock(nodeId: NodeId): Promise<void> {
    try {
      await this.#net.connect(nodeId)
      this.#net.send(
        nodeId,
        encodeRpc({ type: 'request', id: 1, method: 'reg.near', body: { range: 0, name: 'list/0' } }),
      )
    } catch {
      // As it should be.
    }
  }
}
