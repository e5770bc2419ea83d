import { regLimits } from './reg-limits.ts'

/** What identifies an operation over all its repetitions. */
export interface Operation {
  opId: string
  /** When it was first tried, epoch milliseconds. */
  issuedAt: number
  /** Of a call: remembered for a shorter time. */
  step: boolean
}

export interface RecentOperation extends Operation {
  /** Epoch milliseconds by the median clock of the quorum that was asked. */
  at: number
  /** Packed, so that changes carry it along unread. */
  result: Uint8Array
}

/** Operations issued up to then may have been applied and forgotten: epoch milliseconds, for others and for steps of calls. */
export interface Forgotten {
  others: number
  steps: number
}

export const NOTHING_FORGOTTEN: Forgotten = { others: 0, steps: 0 }

/** bytes of the id (2), of the result (4), at (8), issuedAt (8), step (1), id, result */
const HEAD = 23

/**
 * The operations that a register remembers, oldest first. Kept as the bytes that are stored: a change looks through them and
 * adds one, and makes no object of the others.
 */
export class RecentOperations {
  static readonly none = new RecentOperations(new Uint8Array(0))
  readonly bytes: Uint8Array
  readonly #view: Buffer

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  static of(operations: readonly RecentOperation[]): RecentOperations {
    return operations.length === 0 ? RecentOperations.none : new RecentOperations(Buffer.concat(operations.map(encode)))
  }

  /** The packed result of an operation. */
  find(opId: string): Uint8Array | undefined {
    const view = this.#view
    const wanted = Buffer.from(opId)
    for (let from = 0; from < view.length; from += this.#sizeAt(from)) {
      const idBytes = view.readUInt16LE(from)
      if (idBytes !== wanted.length) continue
      const start = from + HEAD
      if (view.compare(wanted, 0, idBytes, start, start + idBytes) === 0) {
        return view.subarray(start + idBytes, from + this.#sizeAt(from))
      }
    }
    return undefined
  }

  list(): RecentOperation[] {
    const out: RecentOperation[] = []
    for (let from = 0; from < this.#view.length; from += this.#sizeAt(from)) out.push(this.#read(from))
    return out
  }

  /**
   * With one more, and without what is too much or too old; of what goes, the time up to which it was issued is kept. Those
   * issued first go first; what a caller without an answer may be about to repeat stays. Undefined when that is too much.
   */
  with(
    entry: RecentOperation,
    forgotten: Forgotten,
    now: number,
  ): { recent: RecentOperations; forgotten: Forgotten } | undefined {
    const view = this.#view
    let [count, bytes, expired, old] = [1, entry.result.length, false, false]
    for (let from = 0; from < view.length; from += this.#sizeAt(from)) {
      const at = view.readDoubleLE(from + 6)
      count++
      bytes += view.readUInt32LE(from + 2)
      expired ||= isExpired(at, view[from + 22] === 1, now)
      old ||= at <= now - regLimits.recentRepeatMs
    }
    const many = count > regLimits.recentMax || bytes > regLimits.recentBytesMax
    if (expired || (many && old) || count > regLimits.recentRepeatMax) return this.#reduced(entry, forgotten, now)
    return { recent: new RecentOperations(Buffer.concat([view, encode(entry)])), forgotten }
  }

  #reduced(entry: RecentOperation, forgotten: Forgotten, now: number): ReturnType<RecentOperations['with']> {
    const all = this.list()
    const gone = new Set(all.filter(({ at, step }) => isExpired(at, step, now)))
    let count = all.length - gone.size + 1
    let bytes = entry.result.length
    for (const operation of all) if (!gone.has(operation)) bytes += operation.result.length
    if (count > regLimits.recentMax || bytes > regLimits.recentBytesMax) {
      for (const operation of all.toSorted((a, b) => a.issuedAt - b.issuedAt)) {
        if (count <= regLimits.recentMax && bytes <= regLimits.recentBytesMax) break
        if (gone.has(operation) || operation.at > now - regLimits.recentRepeatMs) continue
        gone.add(operation)
        count--
        bytes -= operation.result.length
      }
    }
    if (count > regLimits.recentRepeatMax) return undefined
    let { others, steps } = forgotten
    for (const { step, issuedAt } of gone) {
      if (step) steps = Math.max(steps, issuedAt)
      else others = Math.max(others, issuedAt)
    }
    const recent = RecentOperations.of([...all.filter((operation) => !gone.has(operation)), entry])
    return { recent, forgotten: { others, steps } }
  }

  #sizeAt(from: number): number {
    return HEAD + this.#view.readUInt16LE(from) + this.#view.readUInt32LE(from + 2)
  }

  #read(from: number): RecentOperation {
    const view = this.#view
    const start = from + HEAD
    const end = start + view.readUInt16LE(from)
    return {
      opId: view.toString('utf8', start, end),
      at: view.readDoubleLE(from + 6),
      issuedAt: view.readDoubleLE(from + 14),
      step: view[from + 22] === 1,
      result: view.subarray(end, from + this.#sizeAt(from)),
    }
  }
}

const isExpired = (at: number, step: boolean, now: number): boolean =>
  at <= now - (step ? regLimits.stepKeepMs : regLimits.operationKeepMs)

function encode({ opId, at, issuedAt, step, result }: RecentOperation): Buffer {
  const idBytes = Buffer.byteLength(opId)
  const out = Buffer.allocUnsafe(HEAD + idBytes + result.length)
  out.writeUInt16LE(idBytes, 0)
  out.writeUInt32LE(result.length, 2)
  out.writeDoubleLE(at, 6)
  out.writeDoubleLE(issuedAt, 14)
  out[22] = step ? 1 : 0
  out.write(opId, HEAD)
  out.set(result, HEAD + idBytes)
  return out
}
