import { type Clock, type Random, type RangeId, sleep } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { type Ballot, ballotAbove, compareBallots, NO_BALLOT } from '../store/ballot.ts'
import { decides } from './config.ts'
import type { ConfigTable, VoteReply, VoteRequest } from './config-table.ts'
import type { RangeConfig } from './contract.ts'
import { fanOut } from './fan-out.ts'
import type { VoteBatch, VoteBatchAnswer } from './messages.ts'

const ROUNDS_MAX = 4
const BACKOFF_MS = 10

export interface Proposal {
  /** The config that is followed: its voters decide. */
  config: RangeConfig
  /** What this node would like; another node's earlier wish may win. */
  value: RangeConfig
}

/**
 * Decides the next config of many ranges at once: one Paxos instance per (range, epoch), two rounds of one request per
 * voter. Returns what was decided, which may be another node's value; ranges without a decision are missing.
 */
export async function decideConfigs(
  components: { rpc: Rpc; clock: Clock; random: Random; configs: ConfigTable },
  init: { self: NodeId; graceMs: number },
  proposals: readonly Proposal[],
): Promise<Map<RangeId, RangeConfig>> {
  const { clock, random, configs } = components
  const decided = new Map<RangeId, RangeConfig>()
  const highest = new Map<RangeId, Ballot>()
  let open = proposals
  for (let round = 0; round < ROUNDS_MAX && open.length > 0; round++) {
    if (round > 0) await sleep(clock, BACKOFF_MS * 2 ** round * (0.5 + random.float()))
    const ballots = new Map(
      open.map(({ config: { range, epoch } }) => [
        range,
        ballotAbove(epoch + 1, init.self, highest.get(range) ?? NO_BALLOT),
      ]),
    )
    const ballotOf = ({ config }: Proposal): Ballot => ballots.get(config.range) as Ballot
    const promises = await vote(components, init, open, 'promised', (proposal) => ({
      type: 'prepare',
      ballot: ballotOf(proposal),
    }))
    const newer: RangeConfig[] = []
    const learn = ({ config: { range } }: Proposal, replies: Iterable<VoteReply>): void => {
      for (const reply of replies) {
        if (reply.type === 'newer') newer.push(reply.config)
        if (reply.type !== 'refused') continue
        if (compareBallots(reply.promised, highest.get(range) ?? NO_BALLOT) > 0) highest.set(range, reply.promised)
      }
    }
    const ready: Proposal[] = []
    open.forEach((proposal, index) => {
      const replies = promises[index] as Map<NodeId, VoteReply>
      learn(proposal, replies.values())
      if (hasVotes(proposal, replies, 'promised')) {
        ready.push({ config: proposal.config, value: wish(proposal.value, replies.values()) })
      }
    })
    const accepts = await vote(components, init, ready, 'accepted', (proposal) => ({
      type: 'accept',
      ballot: ballotOf(proposal),
      value: proposal.value,
    }))
    ready.forEach((proposal, index) => {
      const replies = accepts[index] as Map<NodeId, VoteReply>
      learn(proposal, replies.values())
      if (hasVotes(proposal, replies, 'accepted')) decided.set(proposal.config.range, proposal.value)
    })
    await configs.adoptAll(newer)
    // Ballots lost are tried again; without answers there is no use in it, and the next tick comes soon enough.
    open = open.filter(
      ({ config: { range, epoch } }) => !decided.has(range) && highest.has(range) && configs.get(range).epoch === epoch,
    )
  }
  return decided
}

/** The value accepted under the highest ballot, if any, else one's own. */
function wish(own: RangeConfig, replies: Iterable<VoteReply>): RangeConfig {
  let accepted = NO_BALLOT
  let value = own
  for (const reply of replies) {
    if (reply.type !== 'promised' || !reply.value || compareBallots(reply.accepted, accepted) <= 0) continue
    accepted = reply.accepted
    value = reply.value
  }
  return value
}

function hasVotes(
  { config, value }: Proposal,
  replies: ReadonlyMap<NodeId, VoteReply>,
  type: VoteReply['type'],
): boolean {
  const votes = new Set<NodeId>()
  for (const [nodeId, reply] of replies) if (reply.type === type) votes.add(nodeId)
  return decides(config, value, votes)
}

function vote(
  components: { rpc: Rpc; clock: Clock },
  init: { graceMs: number },
  proposals: readonly Proposal[],
  wanted: VoteReply['type'],
  input: (proposal: Proposal) => VoteRequest['input'],
): Promise<Map<NodeId, VoteReply>[]> {
  return fanOut<VoteRequest, VoteReply>(
    components,
    proposals.map(({ config }) => config),
    {
      item: (index) => {
        const proposal = proposals[index] as Proposal
        return { config: proposal.config, input: input(proposal) }
      },
      send: async (nodeId, items) => {
        const batch: VoteBatch = { items }
        return (await components.rpc.call<VoteBatchAnswer>(nodeId, 'range.vote', batch)).replies
      },
      enough: (index, replies) => hasVotes(proposals[index] as Proposal, replies, wanted),
      graceMs: init.graceMs,
    },
  )
}
