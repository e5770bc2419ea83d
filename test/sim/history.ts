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
  /** All nodes lost their memories then. */
  forgottenAt?: number
}

export interface Lookup {
  name: string
  invokedAt: number
  endedAt: number
  seqs: readonly number[]
}

/** A prepaid call, as its controller knows it. */
export interface PaidCall {
  /** The balance that pays. */
  key: string
  resId: string
  /** Talk time that was granted and told to the relay. */
  grantedMs: number
  /** What was billed, when the end was acknowledged. */
  ended: number | undefined
  refused: boolean
}

export interface IssuedVoucher {
  key: string
  range: number
  amount: number
}

export interface Transfer {
  opId: string
  from: string
  to: string
  acknowledged: boolean
}

/** Two pots as one reader saw them, one after the other. */
export interface Look {
  first: string
  second: string
  firstIds: readonly string[]
  secondIds: readonly string[]
}

export class History {
  /** What a client itself found wrong with an answer. */
  readonly broken: string[] = []
  readonly transfers: Transfer[] = []
  readonly looks: Look[] = []
  readonly calls: PaidCall[] = []
  readonly vouchers: IssuedVoucher[] = []
  readonly appends: Append[] = []
  readonly reads: ListRead[] = []
  readonly sets: SetWrite[] = []
  readonly binds: Bind[] = []
  readonly lookups: Lookup[] = []

  /** Every node loses what it has in memory only. */
  forgetBindings(now: number): void {
    for (const bind of this.binds) bind.forgottenAt ??= now
  }

  counts(): string {
    const acked = this.appends.filter((one) => one.position !== undefined).length
    const kept = this.sets.filter((one) => one.acknowledged).length
    const bound = this.binds.filter((one) => one.acknowledgedAt !== undefined).length
    return (
      `appends ${acked}/${this.appends.length}, reads ${this.reads.length}, records ${kept}/${this.sets.length}, ` +
      `bindings ${bound}/${this.binds.length}, look-ups ${this.lookups.length}, calls ${this.calls.length}, ` +
      `vouchers ${this.vouchers.length}, transfers ${this.transfers.filter((one) => one.acknowledged).length}/${this.transfers.length}`
    )
  }
}
