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
import { blockKey, blockPrefix, type EnumBlock, packBlock, unpackBlock } from './block.ts'
import type { Actor, EnumNumber, EnumRange, NumberId, NumberInput, RangeId, RangeInput } from './contract.ts'
import type { EnumIndex } from './index-of-numbers.ts'
import { digitsOf } from './number.ts'
import * as validate from './validate.ts'

const rangeKey = ({ tld, prefix }: RangeId): RecordKey => recordKey('dnsrange', `${tld}/${prefix}`)
const numberKey = (id: NumberId): RecordKey => recordKey('dnsblock', blockKey(id))

const rangeUnknown = ({ tld, prefix }: RangeId) =>
  failure('DNS_RANGE_UNKNOWN', `there is no range of numbers ${prefix} in ${tld}`)
const numberUnknown = ({ tld, number }: NumberId) =>
  failure('DNS_NUMBER_UNKNOWN', `there is no number +${number} in ${tld}`)

export interface NumberQuery {
  /** Digits that it begins with. */
  number?: string
  tld?: string
  /** A service type: `sip`. */
  type?: string
  /** Part of where it leads: `alice@example.com` finds `sip:alice@example.com`. */
  mapto?: string
  owner?: number
  customer?: number
  reseller?: number
}

export interface RangeQuery {
  prefix?: string
  tld?: string
  info?: string
  customer?: number
  reseller?: number
}

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
    const inUse = async (): Promise<boolean> => (await this.#numbersIn(id)).some(({ numbers }) => numbers.length > 0)
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
    const id = this.numberId(input)
    const range = await this.#rangeFor(id)
    const number = this.make(id, range, input)
    await this.#change(id, (before) => {
      if (before) throw failure('DNS_NUMBER_EXISTS', `+${id.number} is in ${id.tld} already`)
      return number
    })
    if (!(await this.#registers.read<EnumRange>(rangeKey(range)))) {
      await this.#change(id, () => undefined)
      throw rangeUnknown(range)
    }
    return number
  }

  /** Mappings are replaced as a whole; those with the id of one before keep it. Absent fields keep their value. */
  async updateNumber(input: NumberInput, options: ChangeOptions & Actor = {}): Promise<EnumNumber> {
    const id = this.numberId(input)
    const now = this.#clock.wall()
    return this.#change(id, (before) => {
      if (!before) throw numberUnknown(id)
      checkOwner(before, options)
      if (options.etag !== undefined && options.etag !== etagOf(before)) {
        throw failure('DNS_CONFLICT', `+${id.number} was changed by somebody else; read it again`)
      }
      return {
        ...before,
        // Whose it is decides who may change it, so that is not his to say.
        owner: options.owner === undefined ? validate.identity(input.owner ?? before.owner, 'owner') : before.owner,
        info: input.info === undefined ? before.info : validate.text(input.info, 'info', ENUM_LIMITS.infoBytesMax),
        mappings: input.mappings ? validate.mappings(input.mappings, before.mappings) : before.mappings,
        changedAt: now,
      }
    }) as Promise<EnumNumber>
  }

  async deleteNumber(input: Partial<NumberId>, options: Actor = {}): Promise<void> {
    const id = this.numberId(input)
    await this.#change(id, (before) => {
      if (!before) throw numberUnknown(id)
      checkOwner(before, options)
      return undefined
    })
  }

  async getNumber(input: Partial<NumberId>): Promise<Versioned<EnumNumber>> {
    const id = this.numberId(input)
    const found = await this.#registers.read<Uint8Array>(numberKey(id))
    const body = found && blockAt(id, found.body).numbers.find(({ number }) => number === id.number)
    if (!found || !body) throw numberUnknown(id)
    return { rev: found.rev, etag: etagOf(body), body }
  }

  /** In order of the numbers. Near: of the whole ring, so a query says at least how the numbers begin where there are many. */
  async numbers(query: NumberQuery = {}): Promise<EnumNumber[]> {
    const prefix = query.number === undefined ? '' : digitsOf(query.number, query.tld ?? '')
    const blocks = await this.#blocks(query.tld, prefix)
    return blocks
      .flatMap(({ numbers }) => numbers)
      .filter((number) => number.number.startsWith(prefix) && fitsNumber(number, query))
      .sort((a, b) => (a.number < b.number ? -1 : 1))
  }

  /** A number that was checked, for `load`. Throws as `addNumber` does. */
  make(id: NumberId, range: EnumRange, { owner, info, mappings }: NumberInput): EnumNumber {
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
      customer: range.customer,
      reseller: range.reseller,
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
    const blocks = new Map<string, EnumNumber[]>()
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

  #checked(tld: string, ranges: readonly EnumRange[], input: NumberInput, index: number): EnumNumber {
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
  async putBlock(numbers: readonly EnumNumber[]): Promise<void> {
    const [first] = numbers
    if (!first) return
    const now = this.#clock.wall()
    const prefix = blockPrefix(first.number)
    await this.#registers.change<Uint8Array, null>(numberKey(first), (current) => {
      const byNumber = new Map((current ? blockAt(first, current.body).numbers : []).map((one) => [one.number, one]))
      for (const number of numbers) byNumber.set(number.number, number)
      return { body: packBlock({ changedAt: now, numbers: inOrder(byNumber.values()) }, prefix), result: null }
    })
  }

  async #rangeFor(id: NumberId): Promise<EnumRange> {
    const range = this.#index?.tree(id.tld)?.rangeOf(id.number) ?? (await this.#listedRangeFor(id))
    if (!range) throw failure('DNS_RANGE_UNKNOWN', `no range of numbers in ${id.tld} has +${id.number}; add one first`)
    if (range.size === 0) return range
    const used = (await this.#numbersIn(range)).reduce((sum, { numbers }) => sum + numbers.length, 0)
    if (used >= range.size) throw invalid('number', `the range ${range.prefix} has its ${range.size} numbers`)
    return range
  }

  async #listedRangeFor({ tld, number }: NumberId): Promise<EnumRange | undefined> {
    const fitting = (await this.ranges({ tld })).filter(({ prefix }) => number.startsWith(prefix))
    return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0]
  }

  #change(
    id: NumberId,
    fn: (before: EnumNumber | undefined) => EnumNumber | undefined,
  ): Promise<EnumNumber | undefined> {
    const now = this.#clock.wall()
    return this.#registers.change<Uint8Array, EnumNumber | undefined>(numberKey(id), (current) => {
      const numbers = current ? blockAt(id, current.body).numbers : []
      const before = numbers.find(({ number }) => number === id.number)
      const next = fn(before)
      const others = numbers.filter((one) => one !== before)
      // An empty block stays: the time of its last change is part of the serial.
      const block = { changedAt: now, numbers: inOrder(next ? [...others, next] : others) }
      return { body: packBlock(block, blockPrefix(id.number)), result: next }
    })
  }

  #numbersIn({ tld, prefix }: RangeId): Promise<EnumBlock[]> {
    return this.#blocks(tld, prefix)
  }

  /** Blocks that have numbers which begin so: of a short block all of it, for a long prefix one and its neighbours. */
  async #blocks(tld: string | undefined, prefix: string): Promise<EnumBlock[]> {
    const names = tld === undefined ? ['dnsblock/'] : [`dnsblock/${tld}/${prefix}`]
    // A prefix that is longer than the name of a block.
    if (tld !== undefined)
      for (let cut = 1; cut <= 2 && cut <= prefix.length; cut++) names.push(`dnsblock/${tld}/${prefix.slice(0, -cut)}-`)
    const lists = await Promise.all(names.map((name) => this.#registers.list<Uint8Array>(name)))
    return lists.flat().flatMap(({ key, value }) => {
      const at = /^dnsblock\/([^/]+)\/(\d*)-/.exec(key.name)
      if (!at) return []
      const block = unpackBlock(value.body, { tld: at[1] as string, prefix: at[2] as string })
      return [{ ...block, numbers: block.numbers.filter(({ number }) => number.startsWith(prefix)) }]
    })
  }
}

const inOrder = (numbers: Iterable<EnumNumber>): EnumNumber[] =>
  [...numbers].sort((a, b) => (a.number < b.number ? -1 : 1))

const blockAt = ({ tld, number }: NumberId, bytes: Uint8Array): EnumBlock =>
  unpackBlock(bytes, { tld, prefix: blockPrefix(number) })

/** Of one number, for it shares its register. */
const etagOf = ({ changedAt, mappings, owner, info }: EnumNumber): string => {
  let hash = 0x811c9dc5
  for (const character of JSON.stringify([mappings, owner, info])) {
    hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193)
  }
  return `${changedAt}-${(hash >>> 0).toString(16).padStart(8, '0')}`
}

function checkOwner({ owner, number }: EnumNumber, actor: Actor): void {
  if (actor.owner !== undefined && actor.owner !== owner) {
    throw failure('DNS_FORBIDDEN', `+${number} belongs to somebody else`)
  }
}

const fitsRange = (range: EnumRange, { prefix, tld, info, customer, reseller }: RangeQuery): boolean =>
  (prefix === undefined || range.prefix.startsWith(prefix.replace(/^\+/, ''))) &&
  (tld === undefined || range.tld === tld.toLowerCase()) &&
  (info === undefined || range.info.includes(info)) &&
  (customer === undefined || range.customer === customer) &&
  (reseller === undefined || range.reseller === reseller)

function fitsNumber(number: EnumNumber, { tld, type, mapto, owner, customer, reseller }: NumberQuery): boolean {
  if (tld !== undefined && number.tld !== tld.toLowerCase()) return false
  if (owner !== undefined && number.owner !== owner) return false
  if (customer !== undefined && number.customer !== customer) return false
  if (reseller !== undefined && number.reseller !== reseller) return false
  if (type === undefined && mapto === undefined) return true
  return number.mappings.some(
    (mapping) =>
      (type === undefined || mapping.type === type) && (mapto === undefined || mapping.mapto.includes(mapto)),
  )
}
