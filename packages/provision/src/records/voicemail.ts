import {
  type Aor,
  type Random,
  type RecordKey,
  type RecordStore,
  randomHex,
  rangeOf,
  type Sealer,
} from '@thor-node/core'
import type { Registers } from '../accounts/registers.ts'
import { email } from '../accounts/validate.ts'
import type { Value } from '../schema/types.ts'
import { matching, type Rules } from './rules.ts'
import { RecordTable, type Stamped } from './table.ts'

/** `voicemail/<aor>` */
export interface VoicemailRow {
  mailbox: string
  name: string
  email: string
  info: string
  deleteMailed: boolean
  /** The digits that open it, sealed. */
  sealedPassword?: Uint8Array
  /** Name of the announcement in SET, and in how many pieces it is. */
  announcement?: { id: string; pieces: number; bytes: number }
}

export type VoicemailRecord = VoicemailRow & Stamped

export const voicemailRules: Rules<'VoicemailAccount'> = { email, password: matching(/^\d{0,16}$/, 'up to 16 digits') }

const PIECE_BYTES = 64 * 1024

/** Mailboxes of accounts, in the range of the account. What is spoken is in SET: `announcement/<aor>/<id>/<piece>`. */
export class Mailboxes {
  readonly table: RecordTable<VoicemailRow>
  readonly #store: Pick<RecordStore, 'set'>
  readonly #sealer: Sealer
  readonly #random: Random

  constructor(components: {
    registers: Registers
    store: Pick<RecordStore, 'set'>
    sealer: Sealer
    random: Random
  }) {
    this.#store = components.store
    this.#sealer = components.sealer
    this.#random = components.random
    this.table = new RecordTable(components, {
      kind: 'voicemail',
      what: 'voicemail account',
      unknown: 'PROVISION_VOICEMAIL_UNKNOWN',
      exists: 'PROVISION_VOICEMAIL_EXISTS',
    })
  }

  /** A new mailbox with a number of its own. */
  async newRow(wire: Value<'VoicemailAccount'>): Promise<VoicemailRow> {
    const blank = { name: '', email: '', info: '', deleteMailed: false }
    return { ...blank, ...this.rowOf(wire), mailbox: `${await this.table.nextId()}` }
  }

  /** The members that are given, as they are stored. */
  rowOf(wire: Value<'VoicemailAccount'>): Partial<VoicemailRow> {
    const { name, email: address, info, options, password } = wire
    return {
      ...(name !== undefined && { name }),
      ...(address !== undefined && { email: address }),
      ...(info !== undefined && { info }),
      ...(options?.delete !== undefined && { deleteMailed: options.delete }),
      ...(password && { sealedPassword: this.#sealer.seal(Buffer.from(password, 'utf8')) }),
    }
  }

  /** Keeps an announcement; one that was there before is not named any more. */
  async announce(aor: Aor, audio: Uint8Array): Promise<void> {
    const id = randomHex(this.#random, 8)
    const pieces = Math.max(1, Math.ceil(audio.length / PIECE_BYTES))
    for (let piece = 0; piece < pieces; piece++) {
      const body = audio.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES)
      await this.#store.set.put(this.#pieceKey(aor, id, piece), body)
    }
    const announcement = { id, pieces, bytes: audio.length }
    await this.table.change(aor, (row) => ({ ...row, announcement }))
  }

  async announcementOf(aor: Aor): Promise<Uint8Array | undefined> {
    const { announcement } = (await this.table.require(aor)).body
    if (!announcement) return undefined
    const pieces: Uint8Array[] = []
    for (let piece = 0; piece < announcement.pieces; piece++) {
      const found = await this.#store.set.get<Uint8Array>(this.#pieceKey(aor, announcement.id, piece))
      if (!found) return undefined
      pieces.push(found)
    }
    return Buffer.concat(pieces)
  }

  #pieceKey(aor: Aor, id: string, piece: number): RecordKey {
    return { range: rangeOf(aor), name: `announcement/${aor}/${id}/${String(piece).padStart(4, '0')}` }
  }
}
