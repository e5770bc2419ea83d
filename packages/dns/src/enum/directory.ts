/** ENUM as it is provisioned: ranges and numbers in the registers of the ring. */
import {
  type Clock,
  type Random,
  type RecordKey,
  type RecordStore,
  recordKey,
  ThorError,
  type Versioned,
} from '@thor-node/core'
import { failure, invalid } from '../errors.ts'
import { ENUM_LIMITS } from '../limits.ts'
import { type ChangeOptions, checkEtag, Registers } from '../records/registers.ts'
import { blockKey, blockOfName, unpackBlock } from './block.ts'
import { blockParts } from './block-parts.ts'
import type {
  Actor,
  EnumNumber,
  EnumRange,
  NumberId,
  NumberInput,
  RangeId,
  RangeInput,
  StoredNumber,
} from './contract.ts'
import type { EnumIndex } from './index-of-numbers.ts'
import { digitsOf } from './number.ts'
import { blockAt, blockInChange, numberKey, numbersChange } from './number-change.ts'
import { fitsNumber, fitsRange, type NumberQuery, RangeFinder, type RangeQuery } from './queries.ts'
import * as validate from './validate.ts'

const rangeKey = ({ tld, prefix }: RangeId): RecordKey => recordKey('dnsrange', `${tld}/${prefix}`)

const rangeUnknown = ({ tld, prefix }: RangeId) =>
  failure('DNS_RANGE_UNKNOWN', `there is no range of numbers ${prefix} in ${tld}`)
const numberUnknown = ({ tld, number }: NumberId) =>
  failure('DNS_NUMBER_UNKNOWN', `there is no number +${number} in ${tld}`)

/** A number is in one range at least; ranges with numbers stay. Everything is strict, but for lists, which are near. */
export class EnumDirectory {
  readonly #registers: Registers
  readonly #clock: Clock

  readonly #index: EnumIndex | undefined

  /** `index`: what this node serves, which spares the ring being asked for ranges that are known here. */
  constructor(components: { store: Pick<RecordStore, 'reg'>; clock: Clock; random: Random; index?: EnumIndex }) {
    this.#registers = new Registers(components)
    this.#clock = components.clock
    this.#index = components.index
  }

  async addRange(input: RangeInput): Promise<EnumRange> {
    const range = validate.range(input, undefined, this.#clock.wall())
    const known = await this.ranges()
    if (known.length >= ENUM_LIMITS.rangesMax) throw invalid('prefix', `there are ${ENUM_LIMITS.rangesMax} ranges`)
    const trees = new Set(known.map(({ tld }) => tld))
    if (!trees.has(range.tld) && trees.size >= ENUM_LIMITS.treesMax) {
      throw invalid('tld', `there are ${ENUM_LIMITS.treesMax} trees`)
    }
    return this.#registers.change<EnumRange, EnumRange>(rangeKey(range), (current) => {
      if (current) throw failure('DNS_RANGE_EXISTS', `there is a range ${range.prefix} in ${range.tld} already`)
      return { body: range, result: range }
    })
  }

  /** Fields that are absent keep their value. */
  async updateRange(input: RangeInput, options: ChangeOptions = {}): Promise<EnumRange> {
    const id = this.rangeId(input)
    return this.#registers.change<EnumRange, EnumRange>(rangeKey(id), (current) => {
      if (!current) throw rangeUnknown(id)
      checkEtag(current, options.etag, `the range ${id.prefix} in ${id.tld}`)
      const body = validate.range({ ...input, ...id }, current.body, this.#clock.wall())
      return { body, result: body }
    })
  }

  /** Rejects with `DNS_RANGE_IN_USE` while it has numbers. */
  async deleteRange(input: Partial<RangeId>, options: ChangeOptions = {}): Promise<void> {
    const id = this.rangeId(input)
    const inUse = async (): Promise<boolean> => {
      for await (const _ of this.#stored([id], id.prefix)) return true
      return false
    }
    const refusal = () =>
      failure('DNS_RANGE_IN_USE', `the range ${id.prefix} in ${id.tld} has numbers; delete them first`)
    if (await inUse()) throw refusal()
    const removed = await this.#registers.change<EnumRange, EnumRange>(rangeKey(id), (current) => {
      if (!current) throw rangeUnknown(id)
      checkEtag(current, options.etag, `the range ${id.prefix} in ${id.tld}`)
      return { body: undefined, result: current.body }
    })
    // Who adds a number at this moment looks for the range after he wrote: one of both sees the other.
    if (!(await inUse())) return
    await this.#registers.change<EnumRange, null>(rangeKey(id), (current) =>
      current ? { keep: true, result: null } : { body: removed, result: null },
    )
    throw refusal()
  }

  async getRange(input: Partial<RangeId>): Promise<Versioned<EnumRange>> {
    const id = this.rangeId(input)
    const found = await this.#registers.read<EnumRange>(rangeKey(id))
    if (!found) throw rangeUnknown(id)
    return found
  }

  /** In order of tree and prefix. Near. */
  async ranges(query: RangeQuery = {}): Promise<EnumRange[]> {
    const listed = await this.#registers.list<EnumRange>('dnsrange/')
    return listed.map(({ value }) => value.body).filter((range) => fitsRange(range, query))
  }

  rangeId(input: Partial<RangeId>): RangeId {
    const tld = validate.treeName(input.tld)
    return { tld, prefix: digitsOf(input.prefix, tld, 'prefix') }
  }

  /** A number in any form that people have. */
  numberId(input: Partial<NumberId>): NumberId {
    const tld = validate.treeName(input.tld)
    return { tld, number: digitsOf(input.number, tld) }
  }

  /** Rejects with `DNS_NUMBER_EXISTS`, `DNS_RANGE_UNKNOWN`, and `DNS_INVALID_VALUE` that names the field. */
  async addNumber(input: NumberInput): Promise<EnumNumber> {
    const { number, range } = await this.newNumber(input)
    await this.#change(number, adding(number))
    if (!(await this.#registers.read<EnumRange>(rangeKey(range)))) {
      await this.#change(number, () => undefined)
      throw rangeUnknown(range)
    }
    return withOwners(number, range)
  }

  /** A number that was checked, and its range: for who adds it together with other records (`adding`, `numbersChange`). */
  async newNumber(input: NumberInput): Promise<{ number: StoredNumber; range: EnumRange }> {
    const id = this.numberId(input)
    const range = await this.rangeOf(id)
    if (range.size > 0 && (await this.used(range)) >= range.size) {
      throw failure('DNS_RANGE_FULL', `the range ${range.prefix} has its ${range.size} numbers`)
    }
    return { number: this.make(id, range, input), range }
  }

  /** Mappings are replaced as a whole; those with the id of one before keep it. Absent fields keep their value. */
  async updateNumber(input: NumberInput, options: ChangeOptions & Actor = {}): Promise<EnumNumber> {
    const id = this.numberId(input)
    const now = this.#clock.wall()
    const changed = await this.#change(id, (before) => {
      if (!before) throw numberUnknown(id)
      checkOwner(before, options)
      checkNumberEtag(before, options)
      return {
        ...before,
        // Whose it is decides who may change it, so that is not his to say.
        owner: options.owner === undefined ? validate.identity(input.owner ?? before.owner, 'owner') : before.owner,
        info: input.info === undefined ? before.info : validate.text(input.info, 'info', ENUM_LIMITS.infoBytesMax),
        mappings: input.mappings ? validate.mappings(input.mappings, before.mappings) : before.mappings,
        changedAt: now,
      }
    })
    return this.#owned(changed as StoredNumber)
  }

  async deleteNumber(input: Partial<NumberId>, options: ChangeOptions & Actor = {}): Promise<void> {
    const id = this.numberId(input)
    await this.#change(id, (before) => {
      if (!before) throw numberUnknown(id)
      checkOwner(before, options)
      checkNumberEtag(before, options)
      return undefined
    })
  }

  async getNumber(input: Partial<NumberId>): Promise<Versioned<EnumNumber>> {
    const id = this.numberId(input)
    const found = await this.#registers.read<Uint8Array>(numberKey(id))
    const stored = found && blockAt(id, found.body).numbers.find(({ number }) => number === id.number)
    if (!found || !stored) throw numberUnknown(id)
    return { rev: found.rev, etag: etagOf(stored), body: await this.#owned(stored) }
  }

  /** In order of tree and number. Near: of the whole ring, so a query says at least how the numbers begin where there are many. */
  async numbers(query: NumberQuery = {}): Promise<EnumNumber[]> {
    const prefix = query.number === undefined ? '' : digitsOf(query.number, query.tld ?? '')
    const found: EnumNumber[] = []
    for await (const number of this.numbersIn({ tld: query.tld, prefix })) {
      if (fitsNumber(number, query)) found.push(number)
    }
    return found.sort((a, b) => (a.tld === b.tld ? compare(a.number, b.number) : compare(a.tld, b.tld)))
  }

  /** Numbers that begin so, of one tree or all, part after part in no order, so that many are never in memory at once. Near. */
  async *numbersIn({ tld, prefix }: { tld?: string | undefined; prefix: string }): AsyncGenerator<EnumNumber> {
    const ranges = await this.ranges(tld === undefined ? {} : { tld })
    const count = (id: RangeId): number => this.#index?.tree(id.tld)?.used(id.prefix) ?? Number.POSITIVE_INFINITY
    const finder = new RangeFinder(ranges)
    for await (const number of this.#stored(ranges, prefix, count)) yield withOwners(number, finder.rangeOf(number))
  }

  /** How many numbers a range has, without those of narrower ones in it. Near. */
  async used({ tld, prefix }: RangeId): Promise<number> {
    const tree = this.#index?.tree(tld)
    if (tree?.ranges.has(prefix)) return tree.usedAlone(prefix)
    const finder = new RangeFinder(await this.ranges({ tld }))
    let used = 0
    for await (const number of this.#stored([{ tld, prefix }], prefix)) {
      if (finder.rangeOf(number)?.prefix === prefix) used++
    }
    return used
  }

  /** Serial of the zone that a range is; 0 where this node does not serve it yet. */
  serial({ tld, prefix }: RangeId): number {
    return this.#index?.tree(tld)?.serial(prefix, this.#clock.wall()) ?? 0
  }

  /** A number that was checked, for `load`. Throws as `addNumber` does. */
  make(id: NumberId, range: EnumRange, { owner, info, mappings = [] }: NumberInput): StoredNumber {
    const { length } = id.number
    if (length < range.minDigits || length > range.maxDigits) {
      const digits =
        range.minDigits === range.maxDigits ? `${range.minDigits}` : `${range.minDigits} to ${range.maxDigits}`
      throw invalid('number', `has ${length} digits, numbers of the range ${range.prefix} have ${digits}`)
    }
    return {
      ...id,
      owner: validate.identity(owner, 'owner'),
      info: validate.text(info, 'info', ENUM_LIMITS.infoBytesMax),
      mappings: validate.mappings(mappings, []),
      changedAt: this.#clock.wall(),
    }
  }

  /**
   * Puts many numbers of one tree, those that are there are replaced. All are checked before the first is put; a message names the
   * place in `inputs`. Numbers in order are put faster.
   */
  async load(tld: string, inputs: readonly NumberInput[]): Promise<{ numbers: number; blocks: number }> {
    const tree = validate.treeName(tld)
    const ranges = (await this.ranges({ tld: tree })).sort((a, b) => b.prefix.length - a.prefix.length)
    const blocks = new Map<string, StoredNumber[]>()
    for (const [index, input] of inputs.entries()) {
      const number = this.#checked(tree, ranges, input, index)
      const key = blockKey(number)
      const block = blocks.get(key)
      if (block) block.push(number)
      else blocks.set(key, [number])
    }
    const waiting = [...blocks.values()]
    const work = async (): Promise<void> => {
      for (let block = waiting.pop(); block; block = waiting.pop()) await this.putBlock(block)
    }
    await Promise.all(Array.from({ length: ENUM_LIMITS.blocksAtOnce }, work))
    return { numbers: inputs.length, blocks: blocks.size }
  }

  #checked(tld: string, ranges: readonly EnumRange[], input: NumberInput, index: number): StoredNumber {
    try {
      const id = this.numberId({ ...input, tld })
      const range = ranges.find(({ prefix }) => id.number.startsWith(prefix))
      if (!range) throw failure('DNS_RANGE_UNKNOWN', `no range of numbers in ${tld} has +${id.number}; add one first`)
      return this.make(id, range, input)
    } catch (error) {
      if (error instanceof ThorError) throw new ThorError(error.code, `row ${index + 1}: ${error.message}`)
      throw error
    }
  }

  /** Puts many numbers of one block at once; those that are there are replaced. */
  async putBlock(numbers: readonly StoredNumber[]): Promise<void> {
    const [first] = numbers
    if (!first) return
    const now = this.#clock.wall()
    await this.#registers.change<Uint8Array, null>(numberKey(first), (current) => {
      const block = blockInChange(first, current?.body)
      for (const number of numbers) block.set(number)
      return { body: block.packed(now), result: null }
    })
  }

  /** The narrowest range that has a number; `DNS_RANGE_UNKNOWN` where there is none. */
  async rangeOf(id: NumberId): Promise<EnumRange> {
    const range = this.#index?.tree(id.tld)?.rangeOf(id.number) ?? (await this.#listedRangeOf(id))
    if (!range) throw failure('DNS_RANGE_UNKNOWN', `no range of numbers in ${id.tld} has +${id.number}; add one first`)
    return range
  }

  /** The narrowest range around this one, in which numbers that it takes were before. Near. */
  async rangeAround({ tld, prefix }: RangeId): Promise<EnumRange | undefined> {
    const others = (await this.ranges({ tld })).filter((range) => range.prefix !== prefix)
    return new RangeFinder(others).rangeOf({ tld, number: prefix })
  }

  async #listedRangeOf({ tld, number }: NumberId): Promise<EnumRange | undefined> {
    return new RangeFinder(await this.ranges({ tld })).rangeOf({ tld, number })
  }

  async #owned(number: StoredNumber): Promise<EnumNumber> {
    const { tld } = number
    return withOwners(number, this.#index?.tree(tld)?.rangeOf(number.number) ?? (await this.#listedRangeOf(number)))
  }

  #change(
    id: NumberId,
    fn: (before: StoredNumber | undefined) => StoredNumber | undefined,
  ): Promise<StoredNumber | undefined> {
    const now = this.#clock.wall()
    return this.#registers.change<unknown, StoredNumber | undefined>(numberKey(id), (current) => {
      let result: StoredNumber | undefined
      const noted = (before: StoredNumber | undefined): StoredNumber | undefined => {
        result = fn(before)
        return result
      }
      const [change] = numbersChange([{ id, fn: noted }], now)
      return { ...(change as NonNullable<typeof change>).fn(current), result }
    })
  }

  /** Numbers of these ranges that begin so. */
  async *#stored(
    ranges: readonly RangeId[],
    within: string,
    count?: (id: RangeId) => number,
  ): AsyncGenerator<StoredNumber> {
    for (const { name, digits } of blockParts(ranges, within, count)) {
      for (const { key, value } of await this.#registers.list<Uint8Array>(name)) {
        const at = blockOfName(key.name)
        if (at) yield* unpackBlock(value.body, at).numbers.filter(({ number }) => number.startsWith(digits))
      }
    }
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const withOwners = (number: StoredNumber, range: EnumRange | undefined): EnumNumber => ({
  ...number,
  customer: range?.customer ?? 0,
  reseller: range?.reseller ?? 0,
})

/** The part of a change that adds a number. */
export const adding = (number: StoredNumber) => (before: StoredNumber | undefined) => {
  if (before) throw failure('DNS_NUMBER_EXISTS', `+${number.number} is in ${number.tld} already`)
  return number
}

function checkNumberEtag(number: StoredNumber, { etag }: ChangeOptions): void {
  if (etag !== undefined && etag !== etagOf(number)) {
    throw failure('DNS_CONFLICT', `+${number.number} was changed by somebody else; read it again`)
  }
}

/** Of one number, for it shares its register. */
const etagOf = ({ changedAt, mappings, owner, info }: StoredNumber): string => {
  let hash = 0x811c9dc5
  for (const character of JSON.stringify([mappings, owner, info])) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193)
  }
  return `${changedAt}-${(hash >>> 0).toString(16).padStart(8, '0')}`
}

function checkOwner({ owner, number }: StoredNumber, actor: Actor): void {
  if (actor.owner !== undefined && actor.owner !== owner) {
    throw failure('DNS_FORBIDDEN', `+${number} belongs to somebody else`)
  }
}
