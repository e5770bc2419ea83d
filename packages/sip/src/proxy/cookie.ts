/**
 * The Record-Route cookie: everything a node needs to route a later request of the dialog, so that any survivor of the ring
 * can (docs/ARCHITECTURE.md, "Record-Route cookie"). Packed bytes with a MAC under the ring's cookie key, in base64url:
 *
 *   version 1 | flags 1 | branch 1 | From tag hash 4 | call uuid 14 | caller edge, flow | callee edge, flow | trunk | MAC 8
 *
 * Texts carry their length in one byte. Flags: 1 = has a call uuid, 2 = has caller, 4 = has callee, 8 = late offer,
 * 16 = hidden caller, 32 = has a trunk, 64 = the trunk counts one further.
 */
import { shortMac } from '@thor-node/core'
import type { SipRequest } from '../message/contract.ts'
import type { FlowToken } from '../transport/contract.ts'
import { COOKIE_MAX } from './limits.ts'

/** Where a party is reached: node and flow. */
export interface Reach {
  edge: string
  flow: FlowToken
}

export interface Cookie {
  /** `RRR-` and 24 hex digits; absent for dialogs that are no calls. */
  callUuid?: string
  /** From `tagHash` of the tag of the party that sent the dialog-forming request. */
  fromTagHash: number
  /** Which branch of the fork, 0 … 255. */
  branch: number
  /** Absent for outside parties, which are reached by Route and Contact alone. */
  caller?: Reach
  callee?: Reach
  /** The INVITE had no SDP: the caller's first SDP is an answer. */
  lateOffer?: boolean
  /** The callee is not to learn who the caller is. */
  hidden?: boolean
  /**
   * The callee is reached by this trunk. `ahead`: its INVITE was sent once more, with an answer to a challenge, so whatever the
   * caller sends has a CSeq there that is one higher than the caller's.
   */
  trunk?: { name: string; ahead: boolean }
}

const VERSION = 1
const MAC_BYTES = 8
const HEAD_BYTES = 7
const CALL_UUID_BYTES = 14
const CALL_UUID = /^[0-9a-f]{3}-[0-9a-f]{24}$/

/** 32 bits of a tag; telling two parties of one dialog apart needs no more. */
export function tagHash(key: Uint8Array, tag: string): number {
  return shortMac(key, `tag ${tag}`, 4).readUInt32BE(0)
}

/** Throws RangeError for parts that do not fit: an edge or flow over 255 characters, a call id of another form. */
export function encodeCookie(key: Uint8Array, cookie: Cookie): string {
  const { callUuid, caller, callee, trunk } = cookie
  const head = Buffer.alloc(HEAD_BYTES)
  head[0] = VERSION
  head[1] =
    (callUuid ? 1 : 0) |
    (caller ? 2 : 0) |
    (callee ? 4 : 0) |
    (cookie.lateOffer ? 8 : 0) |
    (cookie.hidden ? 16 : 0) |
    (trunk ? 32 : 0) |
    (trunk?.ahead ? 64 : 0)
  head[2] = cookie.branch
  head.writeUInt32BE(cookie.fromTagHash, 3)
  const parts: Buffer[] = [head]
  if (callUuid) {
    if (!CALL_UUID.test(callUuid)) throw new RangeError('not a call id')
    parts.push(Buffer.from(`0${callUuid.replace('-', '')}`, 'hex'))
  }
  for (const reach of [caller, callee]) if (reach) parts.push(text(reach.edge), text(reach.flow))
  if (trunk) parts.push(text(trunk.name))
  const body = Buffer.concat(parts)
  return Buffer.concat([body, macOf(key, body)]).toString('base64url')
}

/** The cookie, or undefined when no node of this ring made it. */
export function decodeCookie(key: Uint8Array, value: string): Cookie | undefined {
  if (value.length > COOKIE_MAX) return undefined
  const bytes = Buffer.from(value, 'base64url')
  const end = bytes.length - MAC_BYTES
  if (end < HEAD_BYTES || !macOf(key, bytes.subarray(0, end)).equals(bytes.subarray(end))) return undefined
  if (bytes[0] !== VERSION) return undefined
  const flags = bytes[1] as number
  const cookie: Cookie = { fromTagHash: bytes.readUInt32BE(3), branch: bytes[2] as number }
  let at = HEAD_BYTES
  if (flags & 1) {
    const hex = bytes.toString('hex', at, at + CALL_UUID_BYTES).slice(1)
    cookie.callUuid = `${hex.slice(0, 3)}-${hex.slice(3)}`
    at += CALL_UUID_BYTES
  }
  const next = (): string => {
    const length = bytes[at] as number
    const out = bytes.toString('latin1', at + 1, at + 1 + length)
    at += 1 + length
    return out
  }
  if (flags & 2) cookie.caller = { edge: next(), flow: next() }
  if (flags & 4) cookie.callee = { edge: next(), flow: next() }
  if (flags & 8) cookie.lateOffer = true
  if (flags & 16) cookie.hidden = true
  if (flags & 32) cookie.trunk = { name: next(), ahead: (flags & 64) !== 0 }
  return at === end ? cookie : undefined
}

/** Is this a request of the dialog that the cookie was made for? One of its tags is that of the party that began it. */
export function belongsTo(request: SipRequest, cookie: Cookie, key: Uint8Array): boolean {
  return [request.from, request.to].some(({ params }) => tagHash(key, params.get('tag') ?? '') === cookie.fromTagHash)
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length > 255) throw new RangeError('too long for a cookie')
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function macOf(key: Uint8Array, body: Buffer): Buffer {
  return shortMac(key, Buffer.concat([Buffer.from('cookie '), body]), MAC_BYTES)
}
