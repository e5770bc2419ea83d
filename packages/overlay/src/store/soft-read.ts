import { type Clock, compareUtf8, type Timer } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { RangeConfig } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { softLimits } from './limits.ts'
import { newerOf } from './set-replica.ts'
import { fromWire, type SoftRead, type SoftReadAnswer } from './soft-messages.ts'
import { compareEntries, type StoredEntry } from './soft-record.ts'

export interface SoftSources {
  /** The preference list: two of it are asked, the third when they differ, are slow, or have nothing. */
  first: readonly NodeId[]
  /** What this node itself holds, where it is not of the list: it may fill in for one. Says nothing about what it lacks. */
  mine?: readonly StoredEntry[]
  /** Asked after a miss of all of those. */
  others(): readonly NodeId[]
  timeoutMs: number
  hedgeAfterMs: number
  /** A node that had not answered when the third was asked beside it. */
  onSlow?(nodeId: NodeId): void
}

export interface SoftFound {
  /** The best version of each entry, markers included, by sub. */
  merged: StoredEntry[]
  /** Nodes of the preference list that lack something of it. */
  losers: NodeId[]
  /** Copies that count: a warming node may lack anything. */
  answered: number
  newer?: RangeConfig
}

interface Copy {
  entries: Map<string, StoredEntry>
  warming: boolean
}

/** One read: never rejects; `answered` 0 means that nobody could be asked. */
export async function readSoft(
  { rpc, clock }: { rpc: Rpc; clock: Clock },
  request: SoftRead,
  { first, mine = [], others, timeoutMs, hedgeAfterMs, onSlow }: SoftSources,
): Promise<SoftFound> {
  const copies = new Map<NodeId, Copy>()
  let newer: RangeConfig | undefined
  const ask = async (to: NodeId): Promise<void> => {
    const answer = await rpc.call<SoftReadAnswer>(to, 'soft.read', request, { timeoutMs })
    if (!('entries' in answer)) {
      newer = newerOf(answer) ?? newer
      return
    }
    const entries = new Map<string, StoredEntry>()
    for (const wire of answer.entries) {
      const entry = fromWire(wire, clock, softLimits.ttlMsMax)
      if (entry) entries.set(entry.sub, entry)
    }
    copies.set(to, { entries, warming: answer.warming })
  }
  const askAll = async (targets: readonly NodeId[]): Promise<void> => {
    await Promise.allSettled(targets.map(ask))
  }

  const two = first.slice(0, 2)
  const third = first.slice(2)
  const askThirdToo = (): Promise<void> => {
    for (const to of two) if (!copies.has(to)) onSlow?.(to)
    return askAll(third)
  }
  const enough = (): boolean => {
    const good = [...copies.values()].filter((copy) => !copy.warming)
    return newer !== undefined || (good.length >= 2 && (agree(good) || third.every((to) => copies.has(to))))
  }
  if (third.length === 0) await askAll(two)
  else await hedged(clock, hedgeAfterMs, askAll(two), askThirdToo, enough)
  if (!newer && third.some((to) => !copies.has(to)) && mustAskThird(two, copies)) await askAll(third)
  const missed = () => [...copies.values()].every((copy) => !showsAnything(copy))
  if (!newer && missed()) {
    const more = others()
    if (more.length > 0) await askAll(more)
  }
  return { ...judge(copies, first, mine), newer }
}

/** Waits for `main`; when it takes long, `extra` runs beside it and the first to satisfy `enough` ends the wait. */
function hedged(
  clock: Clock,
  afterMs: number,
  main: Promise<unknown>,
  extra: () => Promise<unknown>,
  enough: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let timer: Timer | undefined
    let beside: Promise<unknown> | undefined
    const end = (): void => {
      timer?.cancel()
      resolve()
    }
    timer = clock.after(afterMs, () => {
      beside = extra()
      beside.then(() => {
        if (enough()) end()
      })
    })
    main.then(() => {
      timer?.cancel()
      if (beside && !enough()) beside.then(end)
      else end()
    })
  })
}

function mustAskThird(two: readonly NodeId[], copies: ReadonlyMap<NodeId, Copy>): boolean {
  const good = two.map((to) => copies.get(to)).filter((copy) => copy !== undefined && !copy.warming) as Copy[]
  if (good.length < 2 || !agree(good)) return true
  return !good.some(showsAnything)
}

function showsAnything(copy: Copy): boolean {
  return copy.entries.size > 0
}

function agree(copies: readonly Copy[]): boolean {
  const [one, ...rest] = copies
  if (!one) return false
  return rest.every((other) => {
    if (other.entries.size !== one.entries.size) return false
    for (const [sub, entry] of one.entries) {
      const theirs = other.entries.get(sub)
      if (!theirs || compareEntries(entry, theirs) !== 0) return false
    }
    return true
  })
}

function judge(
  copies: ReadonlyMap<NodeId, Copy>,
  owners: readonly NodeId[],
  mine: readonly StoredEntry[],
): Omit<SoftFound, 'newer'> {
  const best = new Map(mine.map((entry) => [entry.sub, entry]))
  for (const { entries } of copies.values()) {
    for (const [sub, entry] of entries) {
      const there = best.get(sub)
      if (!there || compareEntries(entry, there) > 0) best.set(sub, entry)
    }
  }
  const losers: NodeId[] = []
  for (const [nodeId, { entries }] of copies) {
    const lacks = [...best.values()].some((entry) => {
      const theirs = entries.get(entry.sub)
      return !theirs || compareEntries(entry, theirs) > 0
    })
    if (lacks && owners.includes(nodeId)) losers.push(nodeId)
  }
  const merged = [...best.values()].sort((one, other) => compareUtf8(one.sub, other.sub))
  const answered = [...copies.values()].filter((copy) => !copy.warming).length
  return { merged, losers, answered }
}
