import type { Alarm, Member, NodeId, Rpc, Trouble } from '@thor-node/overlay'

/** Answers that are longer, or sentences, are cut. */
const ALARMS_MAX = 64
const TEXT_MAX = 300
const ANSWER_MS = 1_000

/** When a node does not say more itself. */
const said: Record<Trouble, string> = {
  'slow-disk': 'its disk is slow',
  'full-disk': 'its disk is full',
  'wrong-clock': 'its clock is wrong',
}

/** What is wrong with each node of the ring, as it says itself. */
export class RingAlarms {
  readonly #rpc: Rpc

  constructor(components: { rpc: Rpc; own: () => Alarm[] }) {
    this.#rpc = components.rpc
    this.#rpc.serve<null, Alarm[]>('node.alarms', () => components.own())
  }

  /** From all of these, as far as they answer within a second; what they told by gossip is known without. */
  async of(members: readonly Member[]): Promise<Map<NodeId, Alarm[]>> {
    const all = await Promise.all(members.map(async (member) => [member.nodeId, await this.#ask(member)] as const))
    return new Map(all)
  }

  async #ask({ nodeId, troubles = [] }: Member): Promise<Alarm[]> {
    try {
      return toAlarms(await this.#rpc.call<unknown>(nodeId, 'node.alarms', null, { timeoutMs: ANSWER_MS }))
    } catch {
      return troubles.map((kind) => ({ kind, text: said[kind], since: 0 }))
    }
  }
}

/** What is malformed is left out. */
export function toAlarms(value: unknown): Alarm[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, ALARMS_MAX).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return []
    const { kind, text, since } = one as Record<string, unknown>
    if (typeof kind !== 'string' || typeof text !== 'string' || typeof since !== 'number') return []
    return [{ kind: kind.slice(0, TEXT_MAX), text: text.slice(0, TEXT_MAX), since }]
  })
}
