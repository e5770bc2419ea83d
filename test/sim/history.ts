/** What clients asked and what they were told: all that checkers may know. Times are simulated milliseconds. */
export interface Append {
  key: string
  opId: string
  invokedAt: number
  /** Infinity while nobody answered. */
  endedAt: number
  /** Position in the list, from 0, when it was acknowledged. */
  position?: number
}

export interface ListRead {
  key: string
  invokedAt: number
  endedAt: number
  list: readonly string[]
}

export interface SetWrite {
  name: string
  range: number
  body: string
  acknowledged: boolean
}

/** One version of one binding; a removal has `gone`. */
export interface Bind {
  name: string
  seq: number
  gone: boolean
  /** Of the acknowledgement; undefined when there was none, or none that counts. */
  acknowledgedAt?: number
  invokedAt: number
  expiresAt: number
}

export interface Lookup {
  name: string
  invokedAt: number
  endedAt: number
  seqs: readonly number[]
}

export class History {
  readonly appends: Append[] = []
  readonly reads: ListRead[] = []
  readonly sets: SetWrite[] = []
  readonly binds: Bind[] = []
  readonly lookups: Lookup[] = []

  counts(): string {
    const acked = this.appends.filter((one) => one.position !== undefined).length
    const kept = this.sets.filter((one) => one.acknowledged).length
    const bound = this.binds.filter((one) => one.acknowledgedAt !== undefined).length
    return (
      `appends ${acked}/${this.appends.length}, reads ${this.reads.length}, records ${kept}/${this.sets.length}, ` +
      `bindings ${bound}/${this.binds.length}, look-ups ${this.lookups.length}`
    )
  }
}
