/** What a node keeps about one range, and how that lies on the disk under `C<rrr>` (rrr = range in hex). */
import type { RangeId } from '@thor-node/core'
import { Packr } from 'msgpackr'
import type { NodeId } from '../peers.ts'
import type { AcceptorState } from '../store/acceptor.ts'
import { emptyAcceptor } from '../store/acceptor.ts'
import { parseBallot } from '../store/ballot.ts'
import { parseConfig, voters } from './config.ts'
import type { RangeConfig } from './contract.ts'

export interface ConfigSlot {
  config: RangeConfig
  /** The Paxos instance that decides the config of epoch `config.epoch + 1`. */
  acceptor: AcceptorState<RangeConfig>
  /** This node's copy is up to date; before that it is `warming` even as a member. Not kept over restarts. */
  filled: boolean
  /** This node may hold data of the range, though it is not a member any more. */
  holds: boolean
}

const packr = new Packr({ useRecords: false })

export const rangeHex = (range: RangeId): string => range.toString(16).padStart(3, '0')

export const slotKey = (range: RangeId): string => `C${rangeHex(range)}`

export function encodeSlot({ config, acceptor, holds }: ConfigSlot): Uint8Array {
  const { promised, accepted, value } = acceptor
  return packr.pack([config, promised, accepted, value ?? null, holds])
}

/**
 * Throws on bytes that are no slot: the disk is then not to be trusted. A copy that others may have outrun while this node
 * was down is not `filled`.
 */
export function decodeSlot(bytes: Uint8Array, self: NodeId): ConfigSlot {
  const [config, promised, accepted, value, holds] = packr.unpack(bytes) as unknown[]
  const parsed = parseConfig(config)
  const acceptor = {
    promised: parseBallot(promised) ?? emptyAcceptor.promised,
    accepted: parseBallot(accepted) ?? emptyAcceptor.accepted,
    value: parseConfig(value),
  }
  if (!parsed) throw new TypeError('not a range config')
  return {
    config: parsed,
    acceptor,
    filled: voters(parsed).length === 1 && voters(parsed)[0] === self,
    holds: holds === true,
  }
}
