/**
 * Digest authentication for a ring: any node makes a nonce, any node checks it, and only the home of the account judges a
 * response and remembers which nonce counts were used. RFC 7616, RFC 8760; RFC 2069 for devices that send no qop.
 */
import {
  type Aor,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  equalDigests,
  makeRoom,
  type Random,
  shortMac,
  splitAor,
} from '@thor-node/core'
import type { AuthVerdict, DigestAnswer } from './delegates.ts'
import { NONCE_COUNTS_MAX } from './proxy/limits.ts'

/** H(user:realm:password) and, for `user@domain` as digest username, the `b` forms. Lower-case hex. */
export interface CredentialHashes {
  ha1Md5: string
  ha1bMd5: string
  /** Absent when only MD5 digests are known. */
  ha1Sha256?: string
  ha1bSha256?: string
  /** Absent when the password was set before this one was kept. */
  ha1Sha512256?: string
  ha1bSha512256?: string
}

export type NonceState = 'fresh' | 'stale' | 'forged'

export const NONCE_LIFETIME_MS = 5 * 60_000
/** How far ahead of ours another node's clock may be. */
const CLOCK_SKEW_MS = 10_000
/** What is over is looked for so often. */
const FORGET_MS = 5_000
const TIME_BYTES = 6
const CHANCE_BYTES = 8
const MAC_BYTES = 10
const NONCE_BYTES = TIME_BYTES + CHANCE_BYTES + MAC_BYTES

/** 32 URI-safe characters: wall time in ms, chance, MAC. */
export function makeNonce(cookieKey: Uint8Array, wallMs: number, random: Random): string {
  made.writeUIntBE(Math.floor(wallMs), 0, TIME_BYTES)
  made.set(random.bytes(CHANCE_BYTES), TIME_BYTES)
  made.set(nonceMac(cookieKey, made), TIME_BYTES + CHANCE_BYTES)
  return made.toString('base64url')
}

/** `forged` when no node of this ring made it; `stale` when it is too old, or from a clock far ahead. */
export function checkNonce(
  cookieKey: Uint8Array,
  nonce: string,
  wallMs: number,
  lifetimeMs: number = NONCE_LIFETIME_MS,
): NonceState {
  const bytes = Buffer.from(nonce, 'base64url')
  if (bytes.length !== NONCE_BYTES || bytes.toString('base64url') !== nonce) return 'forged'
  if (!nonceMac(cookieKey, bytes).equals(bytes.subarray(TIME_BYTES + CHANCE_BYTES))) return 'forged'
  const ageMs = wallMs - bytes.readUIntBE(0, TIME_BYTES)
  return ageMs > lifetimeMs || ageMs < -CLOCK_SKEW_MS ? 'stale' : 'fresh'
}

/** Wall time at which a nonce was made, in ms; only for nonces that `checkNonce` did not call forged. */
export function nonceMadeAt(nonce: string): number {
  return Buffer.from(nonce, 'base64url').readUIntBE(0, TIME_BYTES)
}

const PURPOSE = Buffer.from('nonce ')
/** Used again for each. */
const made = Buffer.alloc(NONCE_BYTES)
const macText = Buffer.concat([PURPOSE, Buffer.alloc(TIME_BYTES + CHANCE_BYTES)])

function nonceMac(cookieKey: Uint8Array, nonce: Buffer): Buffer {
  nonce.copy(macText, PURPOSE.length, 0, TIME_BYTES + CHANCE_BYTES)
  return shortMac(cookieKey, macText, MAC_BYTES)
}

interface Used {
  highest: number
  /** Bit i set: `highest - i` was used. Requests on their way may overtake one another, so 32 are kept. */
  window: number
  madeAt: number
}

/**
 * Which nonce counts were used, kept at the home of the account. Bounded: when full, the oldest entries are forgotten and
 * everything made before them counts as stale, which costs its owner one more challenge and never admits a replay.
 */
export class NonceCounts {
  readonly #used = new Map<string, Used>()
  readonly #max: number
  readonly #lifetimeMs: number
  #staleBefore: number
  #forgotAt = 0

  constructor(init: { max?: number; lifetimeMs?: number; staleBeforeMs?: number } = {}) {
    this.#max = init.max ?? NONCE_COUNTS_MAX
    this.#lifetimeMs = init.lifetimeMs ?? NONCE_LIFETIME_MS
    this.#staleBefore = init.staleBeforeMs ?? 0
  }

  get size(): number {
    return this.#used.size
  }

  /** Nonces made before this wall time are judged elsewhere or lost: a new home calls it at its takeover. */
  treatAsStaleBefore(wallMs: number): void {
    this.#staleBefore = Math.max(this.#staleBefore, wallMs)
  }

  /**
   * Marks (nonce, nc) as used, after the response was found right. Without `nc` (RFC 2069) one response counts once, so
   * `response` stands in for the count.
   */
  take(answer: { nonce: string; nc?: string; response: string }, wallMs: number): 'first' | 'replay' | 'stale' {
    const madeAt = nonceMadeAt(answer.nonce)
    if (madeAt < this.#staleBefore) return 'stale'
    this.#forgetOld(wallMs)
    const legacy = answer.nc === undefined
    // Its bytes: the text is a piece of a message, which it would keep.
    const nonce = Buffer.from(answer.nonce, 'base64url').toString('latin1')
    const key = legacy ? `${nonce} ${answer.response.toLowerCase()}` : nonce
    const count = legacy ? 1 : Number.parseInt(answer.nc as string, 16)
    if (!Number.isInteger(count) || count < 0) return 'replay'
    const known = this.#used.get(key)
    if (!known) {
      this.#used.set(key, { highest: count, window: 1, madeAt })
      return 'first'
    }
    const ahead = count - known.highest
    if (ahead > 0) {
      known.window = ahead > 31 ? 1 : (known.window << ahead) | 1
      known.highest = count
      return 'first'
    }
    if (ahead < -31 || (known.window & (1 << -ahead)) !== 0) return 'replay'
    known.window |= 1 << -ahead
    return 'first'
  }

  /** Not at each one: to find the first of a map from which the first ones went takes long, once there are many. */
  #forgetOld(wallMs: number): void {
    const isOver = ({ madeAt }: Used): boolean => madeAt + this.#lifetimeMs + CLOCK_SKEW_MS < wallMs
    makeRoom(this.#used, this.#max, (key) => {
      const used = this.#used.get(key)
      if (used && !isOver(used)) this.treatAsStaleBefore(used.madeAt + 1)
    })
    if (Math.abs(wallMs - this.#forgotAt) < FORGET_MS) return
    this.#forgotAt = wallMs
    for (const [key, used] of this.#used) {
      if (!isOver(used)) return
      this.#used.delete(key)
    }
  }
}

/** What is known of the nonce of an answer; `take` is asked last, so that only its owner can use a count up. */
export interface NonceJudge {
  state: NonceState
  take(): 'first' | 'replay' | 'stale'
}

/**
 * Judges an answer against the account it claims to be of. The same work is done for an unknown account, so that time
 * tells nobody which accounts exist. A right answer to an old nonce is `stale`; so is one to a nonce of nobody's, since a
 * device may have kept one from before the ring's key changed.
 */
export function verifyDigest(
  account: { aor: Aor; credentials: CredentialHashes } | undefined,
  answer: DigestAnswer | undefined,
  nonce: NonceJudge,
): AuthVerdict {
  if (!answer) return { ok: false, cause: 'no-credentials' }
  const algorithm = digestAlgorithm(answer.algorithm)
  const qop = answer.qop?.toLowerCase()
  if (!algorithm || (qop !== undefined && qop !== 'auth' && qop !== 'auth-int')) {
    return { ok: false, cause: 'unsupported-algorithm' }
  }
  if (qop !== undefined && (!/^[0-9a-f]{8}$/i.test(answer.nc ?? '') || !answer.cnonce)) {
    return { ok: false, cause: 'wrong-password' }
  }
  const ha1 = account ? chooseHa1(account.credentials, algorithm, answer.username.includes('@')) : NOBODY
  if (ha1 === undefined) return { ok: false, cause: 'unsupported-algorithm' }
  const { method, uri, nonce: text, nc, cnonce, bodyHash } = answer
  const expected = digestResponse({ algorithm, ha1, method, uri, nonce: text, nc, cnonce, qop: answer.qop, bodyHash })
  const right = equalDigests(expected, answer.response)
  if (!account) return { ok: false, cause: 'unknown-user' }
  if (!right || !isOf(account.aor, answer)) return { ok: false, cause: 'wrong-password' }
  if (nonce.state !== 'fresh') return { ok: false, cause: 'stale' }
  const use = nonce.take()
  return use === 'first' ? { ok: true } : { ok: false, cause: use }
}

/** `verifyDigest` with the nonce checked by the ring's key and counted by `counts`. */
export function judgeAnswer(
  components: { cookieKey: Uint8Array; counts: NonceCounts; wallMs: number },
  account: { aor: Aor; credentials: CredentialHashes } | undefined,
  answer: DigestAnswer | undefined,
): AuthVerdict {
  const { cookieKey, counts, wallMs } = components
  return verifyDigest(account, answer, {
    state: answer ? checkNonce(cookieKey, answer.nonce, wallMs) : 'forged',
    take: () => {
      const legacy = answer?.qop === undefined
      return counts.take(
        { nonce: answer?.nonce ?? '', nc: legacy ? undefined : answer?.nc, response: answer?.response ?? '' },
        wallMs,
      )
    },
  })
}

const NOBODY = '0'.repeat(32)

function chooseHa1(hashes: CredentialHashes, algorithm: DigestAlgorithm, full: boolean): string | undefined {
  switch (algorithm) {
    case 'MD5':
      return full ? hashes.ha1bMd5 : hashes.ha1Md5
    case 'SHA-256':
      return full ? hashes.ha1bSha256 : hashes.ha1Sha256
    case 'SHA-512-256':
      return full ? hashes.ha1bSha512256 : hashes.ha1Sha512256
  }
}

/** Username `alice` or `alice@example.com`, realm `example.com`. */
function isOf(aor: Aor, answer: DigestAnswer): boolean {
  const parts = splitAor(aor)
  if (!parts || answer.realm.toLowerCase() !== parts.domain) return false
  return answer.username === parts.user || answer.username.toLowerCase() === aor.toLowerCase()
}

/** All that are spoken, strongest first. */
export const EVERY_ALGORITHM: readonly DigestAlgorithm[] = ['SHA-512-256', 'SHA-256', 'MD5']

/** Algorithms that an account can be checked with, strongest first. */
export function algorithmsOf(hashes: CredentialHashes | undefined): readonly string[] {
  if (!hashes) return EVERY_ALGORITHM
  return EVERY_ALGORITHM.filter((algorithm) => chooseHa1(hashes, algorithm, false) !== undefined)
}

/** The AOR that an answer claims: `username@realm`, or the username when it is a whole address. */
export function claimedAor(answer: { username: string; realm: string }): Aor {
  const parts = splitAor(answer.username)
  return parts ? `${parts.user}@${parts.domain.toLowerCase()}` : `${answer.username}@${answer.realm.toLowerCase()}`
}
