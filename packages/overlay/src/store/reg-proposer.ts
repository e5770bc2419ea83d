/** What a proposer of REG makes of the answers of a round; pure. */
import type { NodeId } from '../peers.ts'
import { hasQuorum } from '../ranges/config.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import { type Ballot, compareBallots, NO_BALLOT, sameBallot } from './ballot.ts'
import type { ReadAnswer, VoteAnswer } from './reg-messages.ts'

export interface Accepted {
  accepted: Ballot
  value: Uint8Array | undefined
}

export interface Chosen extends Accepted {
  /** A quorum names the same accepted ballot: what it accepted is decided, and nothing later was. */
  decided: boolean
}

/** The value with the highest accepted ballot, once there is a quorum. */
export function choose(config: RangeConfig, answers: ReadonlyMap<NodeId, Accepted>): Chosen | undefined {
  if (!hasQuorum(config, new Set(answers.keys()))) return undefined
  let highest: Accepted = { accepted: NO_BALLOT, value: undefined }
  for (const answer of answers.values()) {
    if (compareBallots(answer.accepted, highest.accepted) > 0) highest = answer
  }
  const same = new Set<NodeId>()
  for (const [nodeId, { accepted }] of answers) if (sameBallot(accepted, highest.accepted)) same.add(nodeId)
  return { accepted: highest.accepted, value: highest.value, decided: hasQuorum(config, same) }
}

export interface Votes {
  promised: Map<NodeId, Accepted>
  accepted: Set<NodeId>
  refused: Set<NodeId>
  /** Of all refusals and promises. */
  highest: Ballot
  newer: RangeConfig | undefined
  /** Median clock of those who answered; undefined when nobody did. */
  wall: number | undefined
}

/** Sorts the answers of a prepare or accept round. */
export function countVotes(answers: ReadonlyMap<NodeId, VoteAnswer>): Votes {
  const votes: Votes = {
    promised: new Map(),
    accepted: new Set(),
    refused: new Set(),
    highest: NO_BALLOT,
    newer: undefined,
    wall: undefined,
  }
  const walls: number[] = []
  for (const [nodeId, answer] of answers) {
    if (answer.type === 'newer') {
      if (answer.config.epoch > (votes.newer?.epoch ?? 0)) votes.newer = answer.config
      continue
    }
    walls.push(answer.wall)
    if (answer.type === 'promised') votes.promised.set(nodeId, answer)
    if (answer.type === 'accepted') votes.accepted.add(nodeId)
    if (answer.type === 'refused') {
      votes.refused.add(nodeId)
      if (compareBallots(answer.promised, votes.highest) > 0) votes.highest = answer.promised
    }
  }
  walls.sort((a, b) => a - b)
  // Of two, the lower: an operation is refused as too old only when more than one clock says so.
  votes.wall = walls[(walls.length - 1) >> 1]
  return votes
}

/** Whether a quorum gave this answer: looked at whenever one comes in. */
export function enoughOf(
  config: RangeConfig,
  answers: ReadonlyMap<NodeId, VoteAnswer>,
  type: 'promised' | 'accepted',
): boolean {
  const nodes = new Set<NodeId>()
  for (const [nodeId, answer] of answers) if (answer.type === type) nodes.add(nodeId)
  return hasQuorum(config, nodes)
}

/** Sorts the answers of a read round. */
export function countReads(answers: ReadonlyMap<NodeId, ReadAnswer>): {
  read: Map<NodeId, Accepted>
  newer: RangeConfig | undefined
} {
  const read = new Map<NodeId, Accepted>()
  let newer: RangeConfig | undefined
  for (const [nodeId, answer] of answers) {
    if (answer.type === 'read') read.set(nodeId, answer)
    else if (answer.config.epoch > (newer?.epoch ?? 0)) newer = answer.config
  }
  return { read, newer }
}
