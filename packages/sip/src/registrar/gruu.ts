/**
 * Globally routable names of single devices (RFC 5627). A public one is the AOR with the instance in `gr`; a temporary one
 * says neither: it is sealed with the ring's key, so that any node can read it and nobody else.
 */
import { hash } from 'node:crypto'
import { type Aor, type Clock, deriveKey, errorCode, makeAor, type Random, Sealer, splitAor } from '@thor-node/core'
import type { Instance } from '../delegates.ts'
import type { SipUri } from '../message/contract.ts'
import { escapeUser, unescapeUser, unquote } from '../message/index.ts'

/** A temporary name is good for so long at most; every REGISTER gives a new one, and a new Call-ID ends the old ones. */
export const TEMPORARY_GRUU_MS = 24 * 3_600_000
const PREFIX = 'tgruu.'
const HIDDEN = 'hidden.'
const TIME_BYTES = 6
const REGISTRATION_BYTES = 4

/** `"<urn:uuid:…>"` of a Contact → `urn:uuid:…` */
export const instanceName = (param: string): string => unquote(param).replace(/^<|>$/g, '')

/** By which a temporary name tells one registration of a device from the next (§5.4: another Call-ID). */
export const registrationMark = (callId: string): string =>
  hash('sha256', callId, 'hex').slice(0, 2 * REGISTRATION_BYTES)

export function publicGruu(aor: Aor, instance: string): string {
  const { user, domain } = splitAor(aor) ?? { user: '', domain: aor }
  // What a URI parameter may hold as it is (RFC 3261 §25.1 paramchar).
  const value = instance.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g, (char) => `%${hexOf(char)}`)
  return `sip:${escapeUser(user)}@${domain};gr=${value}`
}

const hexOf = (char: string): string =>
  Buffer.from(char)
    .toString('hex')
    .toUpperCase()
    .replace(/(..)(?=.)/g, '$1%')

export interface Named {
  aor: Aor
  only: Instance
}

export class Gruus {
  readonly #sealer: Sealer
  readonly #clock: Clock

  constructor(components: { cookieKey: Uint8Array; clock: Clock; random: Random }) {
    this.#sealer = new Sealer(deriveKey(components.cookieKey, 'gruu'), components.random)
    this.#clock = components.clock
  }

  temporary(aor: Aor, instance: string, callId: string): string {
    const head = Buffer.alloc(TIME_BYTES)
    head.writeUIntBE(this.#clock.wall(), 0, TIME_BYTES)
    const mark = Buffer.from(registrationMark(callId), 'hex')
    const plain = Buffer.concat([head, mark, Buffer.from(`${aor} ${instance}`, 'latin1')])
    const text = Buffer.from(this.#sealer.seal(plain)).toString('base64url')
    return `sip:${PREFIX}${text}@${splitAor(aor)?.domain ?? ''};gr`
  }

  /** Undefined: no GRUU. `invalid`: one that nobody gave out, or that is too old. */
  read(uri: SipUri): Named | 'invalid' | undefined {
    const gr = uri.params.get('gr')
    if (gr === undefined || !uri.user) return undefined
    if (gr !== '') return { aor: makeAor(unescapeUser(uri.user), uri.host), only: { instance: unescapeUser(gr) } }
    return uri.user.startsWith(PREFIX) ? this.#open(uri.user.slice(PREFIX.length), uri.host) : 'invalid'
  }

  /** A Contact that says nothing, for those who hide (RFC 3323 §5.1); `at`: host and port in Record-Route. */
  hide(contact: string, at: string): string {
    const text = Buffer.from(this.#sealer.seal(Buffer.from(contact, 'latin1'))).toString('base64url')
    return `sip:${HIDDEN}${text}@${at}`
  }

  /** The Contact behind one that `hide` made. */
  reveal({ user }: SipUri): string | undefined {
    if (!user?.startsWith(HIDDEN)) return undefined
    return this.#unseal(user.slice(HIDDEN.length))?.toString('latin1')
  }

  #unseal(text: string): Buffer | undefined {
    try {
      return Buffer.from(this.#sealer.open(Buffer.from(text, 'base64url')))
    } catch (error) {
      if (errorCode(error) === 'CORE_SEAL_BROKEN') return undefined
      throw error
    }
  }

  #open(text: string, host: string): Named | 'invalid' {
    const plain = this.#unseal(text)
    if (!plain) return 'invalid'
    const start = TIME_BYTES + REGISTRATION_BYTES
    const [aor = '', instance = ''] = plain.toString('latin1', start).split(' ')
    const age = this.#clock.wall() - plain.readUIntBE(0, TIME_BYTES)
    if (age > TEMPORARY_GRUU_MS || splitAor(aor)?.domain !== host) return 'invalid'
    return { aor, only: { instance, registration: plain.toString('hex', TIME_BYTES, start) } }
  }
}
