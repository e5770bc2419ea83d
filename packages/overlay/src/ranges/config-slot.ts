/** What a node keeps about one range, and how that lies on the disk under `C<rrr>` (rrr = range in hex). */
import type { RangeId } from '@thor-node/core'
import { Packr } from 'msgpackr'
import type { NodeId } from '../peers.ts'
import type { AcceptorState } from '../store/acceptor.ts'
import { emptyAcceptor } from '../store/acceptor.ts'
import { parseBallot } from '../store/ballot.ts'
import { openValue, sealValue } from '../store/encoding.ts'
import { parseConfig, unknownConfig, voters } from './config.ts'
import type { RangeConfig } from './contract.ts'

export interface ConfigSlot {
  config: RangeConfig
  /** The Paxos instance that decides the config of epoch `config.epoch + 1`. */
  acceptor: AcceptorState<RangeConfig>
  /** This node's copy is up to date; before that it is `warming` even as a member. Not kept over restarts. */
  filled: boolean
  /** This node may hold data of the range, though it is not a member any more. */
  holds: boolean
  /**
   * What this node promised about the range was lost with a damaged slot. It has no vote until it is out of the config, or in
   * it by another entry.
   */
  mute: boolean
}

const packr = new Packr({ useRecords: false })

export const rangeHex = (range: RangeId): string => range.toString(16).padStart(3, '0')

export const slotKey = (range: RangeId): string => `C${rangeHex(range)}`

export function encodeSlot({ config, acceptor, holds, mute }: ConfigSlot): Uint8Array {
  const { promised, accepted, value } = acceptor
  return sealValue(slotKey(config.range), packr.pack([config, promised, accepted, value ?? null, holds, mute]))
}

/** Of a range about which nothing is known: for good, or because the slot was lost. */
export const unknownSlot = (range: RangeId, lost = false): ConfigSlot => ({
  config: unknownConfig(range),
  acceptor: emptyAcceptor,
  filled: false,
  holds: lost,
  mute: lost,
})

/** Undefined for damaged bytes. A copy that others may have outrun while this node was down is not `filled`. */
export function decodeSlot(key: string, bytes: Uint8Array, self: NodeId): ConfigSlot | undefined {
  const opened = openValue(key, bytes)
  if (!opened) return undefined
  const [config, promised, accepted, value, holds, mute] = packr.unpack(opened) as unknown[]
  const parsed = parseConfig(config)
  const acceptor = {
    promised: parseBallot(promised) ?? emptyAcceptor.promised,
    accepted: parseBallot(accepted) ?? emptyAcceptor.accepted,
    value: parseConfig(value),
  }
  if (!parsed || slotKey(parsed.range) !== key) return undefined
  return {
    config: parsed,
    acceptor,
    filled: voters(parsed).length === 1 && voters(parsed)[0] === self,
    holds: holds === true,
    mute: mute === true,
  }
}
