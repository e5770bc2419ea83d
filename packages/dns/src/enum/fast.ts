/**
 * Answers to the question that is asked all day, `NAPTR` of a number: the query is read in place, the records are ready-made. What
 * is not just that is left to the responder.
 */

import type { Clock } from '@thor-node/core'
import { UDP_ANSWER_MAX_BYTES } from '../limits.ts'
import type { FastAnswers } from '../server/server.ts'
import { CLASS, RCODE, TYPE } from '../wire/codes.ts'
import { nameToWire } from '../wire/names.ts'
import { negativeSoa } from '../zone/answer.ts'
import type { EnumRange } from './contract.ts'
import type { EnumTree } from './index-of-numbers.ts'
import { DIGITS_MAX, powerFor } from './number.ts'
import type { EnumZones, RangeZone } from './zones.ts'

const HEADER_BYTES = 12
const OPT_BYTES = 11
const PLAIN_BYTES_MAX = 512
/** Type, class, TTL, length. */
const SOA_HEAD_BYTES = 10
/** Ranges whose SOA is kept ready-made; all are forgotten when there are more. */
const SOAS_MAX = 1_000

interface Root {
  /** The name of the tree in octets, lower case. */
  wire: Buffer
  tree: EnumTree
}

export class FastEnum implements FastAnswers {
  readonly #zones: EnumZones
  readonly #clock: Clock
  readonly #soas = new Map<EnumRange, { serial: number; soa: Buffer }>()
  #roots: Root[] = []
  #madeOf: readonly EnumTree[] | undefined

  constructor(components: { zones: EnumZones; clock: Clock }) {
    this.#zones = components.zones
    this.#clock = components.clock
  }

  answer(query: Buffer): Buffer | undefined {
    const { length } = query
    // A query of one question, no more than OPT behind it.
    if (length < 18 || length > 300) return undefined
    if (((query[2] as number) & 0xfe) !== 0 || query[4] !== 0 || query[5] !== 1) return undefined
    for (let at = 6; at < 11; at++) if (query[at] !== 0) return undefined
    const opts = query[11] as number
    if (opts > 1) return undefined

    let at = HEADER_BYTES
    let key = 0
    let power = 1
    let count = 0
    while (query[at] === 1 && count < DIGITS_MAX) {
      const digit = query[at + 1] as number
      if (digit < 48 || digit > 57) return undefined
      key += (digit - 47) * power
      power *= 11
      count++
      at += 2
    }
    if (count === 0) return undefined
    const root = this.#rootAt(query, at)
    if (!root) return undefined
    const end = at + root.wire.length + 4
    if (query.readUInt16BE(end - 4) !== TYPE.NAPTR || query.readUInt16BE(end - 2) !== CLASS.IN) return undefined
    if (end + opts * OPT_BYTES !== length) return undefined
    if (opts === 1 && !isPlainOpt(query, end)) return undefined
    const left = key * powerFor(count)
    const entry = root.tree.entry(left)
    if (entry) return this.#write(query, end, opts, entry)
    if (!this.#zones.ready) return undefined
    const between = root.tree.numbers.any(left, left + powerFor(count))
    return this.#negative(query, { end, opts, count, between, tree: root.tree })
  }

  /** NXDOMAIN, or no data for a name between; with the SOA of the range, whose name is part of the question. */
  #negative(
    query: Buffer,
    { end, opts, count, between, tree }: { end: number; opts: number; count: number; between: boolean; tree: EnumTree },
  ): Buffer | undefined {
    let digits = ''
    for (let at = HEADER_BYTES + count * 2 - 1; at > HEADER_BYTES; at -= 2)
      digits += String.fromCharCode(query[at] as number)
    const zone = this.#zones.zoneOf(tree, digits)
    // The range itself has other records.
    if (!zone || zone.range.prefix.length === count) return undefined
    const soa = this.#soaOf(tree, zone)
    const size = end + soa.length + 2 + opts * OPT_BYTES
    if (size > PLAIN_BYTES_MAX) return undefined
    const out = Buffer.allocUnsafe(size)
    this.#begin(query, out, end, opts)
    out[3] = between ? 0 : RCODE.NXDOMAIN
    out[7] = 0
    out[9] = 1
    out.writeUInt16BE(0xc000 | (HEADER_BYTES + 2 * (count - zone.range.prefix.length)), end)
    soa.copy(out, end + 2)
    return out
  }

  /** What stands behind the owner, as long as the serial is the same. */
  #soaOf(tree: EnumTree, zone: RangeZone): Buffer {
    const serial = tree.serial(zone.range.prefix, this.#clock.wall())
    const known = this.#soas.get(zone.range)
    if (known?.serial === serial) return known.soa
    const { ttl, data } = negativeSoa(zone)
    const soa = Buffer.alloc(SOA_HEAD_BYTES + data.length)
    soa.writeUInt16BE(TYPE.SOA, 0)
    soa.writeUInt16BE(CLASS.IN, 2)
    soa.writeUInt32BE(ttl, 4)
    soa.writeUInt16BE(data.length, 8)
    data.copy(soa, SOA_HEAD_BYTES)
    if (this.#soas.size >= SOAS_MAX) this.#soas.clear()
    this.#soas.set(zone.range, { serial, soa })
    return soa
  }

  /** Header and question, and OPT at the end. */
  #begin(query: Buffer, out: Buffer, end: number, opts: number): void {
    query.copy(out, 0, 0, end)
    out[2] = 0x84 | ((query[2] as number) & 1)
    out[3] = 0
    out[6] = 0
    if (opts === 0) return
    const opt = out.length - OPT_BYTES
    out.fill(0, opt)
    out[opt + 2] = TYPE.OPT
    out.writeUInt16BE(UDP_ANSWER_MAX_BYTES, opt + 3)
    out[opt + 7] = (query[end + 7] as number) & 0x80
  }

  #write(query: Buffer, end: number, opts: number, entry: Buffer): Buffer | undefined {
    const limit =
      opts === 1
        ? Math.min(UDP_ANSWER_MAX_BYTES, Math.max(PLAIN_BYTES_MAX, query.readUInt16BE(end + 3)))
        : PLAIN_BYTES_MAX
    const size = end + entry.length - 1 + opts * OPT_BYTES
    if (size > limit) return undefined
    const out = Buffer.allocUnsafe(size)
    this.#begin(query, out, end, opts)
    out[7] = entry[0] as number
    entry.copy(out, end, 1)
    return out
  }

  #rootAt(query: Buffer, at: number): Root | undefined {
    const trees = this.#zones.trees()
    if (trees !== this.#madeOf) {
      this.#madeOf = trees
      this.#roots = trees.map((tree) => ({ wire: nameToWire(tree.tld), tree }))
    }
    return this.#roots.find(({ wire }) => matches(query, at, wire))
  }
}

/** Letters of the question may be in any case. */
function matches(query: Buffer, from: number, wire: Buffer): boolean {
  if (from + wire.length + 4 > query.length) return false
  for (let at = 0; at < wire.length; at++) {
    const octet = query[from + at] as number
    const lower = octet >= 65 && octet <= 90 ? octet + 32 : octet
    if (lower !== wire[at]) return false
  }
  return true
}

/** OPT of version 0 without options. */
function isPlainOpt(query: Buffer, at: number): boolean {
  return (
    query[at] === 0 &&
    query[at + 1] === 0 &&
    query[at + 2] === TYPE.OPT &&
    query[at + 5] === 0 &&
    query[at + 6] === 0 &&
    query[at + 9] === 0 &&
    query[at + 10] === 0
  )
}
