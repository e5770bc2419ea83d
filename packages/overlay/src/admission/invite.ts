import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { type Address, type Random, randomHex, ThorError } from '@thor-node/core'
import { nodePublicKey } from '../kad/node-key.ts'
import { admissionLimits } from '../limits.ts'
import type { NodeId } from '../peers.ts'
import { keyIdOf } from './signed.ts'

/** A door as an invite names it: its address, and the key of the node that must answer there. */
export interface InviteDoor extends Address {
  /** `doorKeyOf` the node, 32 hex digits. */
  key: string
}

/**
 * An invite makes one member. Its text names the ring's fingerprint, the invite, a secret, and where doors of which nodes are:
 *
 *   thor1-<base64url of: fingerprint 32 · id 8 · secret 16 · count 1 · count × (family 1 · address 4|16 · port 2 · key 16) · check 4>
 */
export interface Invite {
  /** SHA-256 of the ring's public root key. */
  fingerprint: Uint8Array
  /** 16 hex digits: names the record `invite/<id>`. */
  id: string
  secret: Uint8Array
  addresses: readonly InviteDoor[]
}

const PREFIX = 'thor1-'
const FINGERPRINT_BYTES = 32
const ID_BYTES = 8
const SECRET_BYTES = 16
const KEY_BYTES = 16
const CHECK_BYTES = 4
const HEAD_BYTES = FINGERPRINT_BYTES + ID_BYTES + SECRET_BYTES

export function createInvite(random: Random, fingerprint: Uint8Array, addresses: readonly InviteDoor[]): Invite {
  const chosen = addresses.slice(0, admissionLimits.inviteAddressesMax)
  return { fingerprint, id: randomHex(random, ID_BYTES), secret: random.bytes(SECRET_BYTES), addresses: chosen }
}

export function formatInvite(invite: Invite): string {
  const parts: Uint8Array[] = [invite.fingerprint, Buffer.from(invite.id, 'hex'), invite.secret]
  parts.push(Buffer.from([invite.addresses.length]))
  for (const { host, port, key } of invite.addresses) {
    const bytes = addressBytes(host)
    parts.push(Buffer.from([bytes.length === 4 ? 4 : 6]), bytes, Buffer.from([port >> 8, port & 0xff]))
    parts.push(Buffer.from(key, 'hex'))
  }
  const body = Buffer.concat(parts)
  return PREFIX + Buffer.concat([body, checkOf(body)]).toString('base64url')
}

/** Throws `ADMISSION_INVITE_INVALID` that says what is wrong with the text. */
export function parseInvite(text: string): Invite {
  const trimmed = text.trim()
  if (!trimmed.startsWith(PREFIX)) throw invalid(`it does not start with ${PREFIX}`)
  if (trimmed.length > admissionLimits.inviteCharsMax) throw invalid('it is too long')
  if (!/^[A-Za-z0-9_-]+$/.test(trimmed.slice(PREFIX.length))) throw invalid('it has characters that no invite has')
  const bytes = Buffer.from(trimmed.slice(PREFIX.length), 'base64url')
  const body = bytes.subarray(0, -CHECK_BYTES)
  if (bytes.toString('base64url') !== trimmed.slice(PREFIX.length)) throw invalid('its end is changed')
  if (bytes.length < HEAD_BYTES + 1 + CHECK_BYTES || !checkOf(body).equals(bytes.subarray(-CHECK_BYTES))) {
    throw invalid('part of it is missing or changed; copy it as a whole')
  }
  const addresses: InviteDoor[] = []
  let at = HEAD_BYTES + 1
  for (let left = body[HEAD_BYTES] ?? 0; left > 0; left--) {
    const length = body[at] === 4 ? 4 : 16
    const end = at + 1 + length + 2 + KEY_BYTES
    if (end > body.length) throw invalid('an address is cut off')
    const host = hostOf(body.subarray(at + 1, at + 1 + length))
    const key = body.subarray(end - KEY_BYTES, end).toString('hex')
    addresses.push({ host, port: body.readUInt16BE(at + 1 + length), key })
    at = end
  }
  if (addresses.length === 0) throw invalid('it names no address')
  return {
    fingerprint: Uint8Array.from(body.subarray(0, FINGERPRINT_BYTES)),
    id: body.subarray(FINGERPRINT_BYTES, FINGERPRINT_BYTES + ID_BYTES).toString('hex'),
    secret: Uint8Array.from(body.subarray(FINGERPRINT_BYTES + ID_BYTES, HEAD_BYTES)),
    addresses,
  }
}

/** What the ring keeps in the register `invite/<id>`; times in epoch milliseconds. Never the secret itself. */
export interface InviteRecord {
  id: string
  /** What the operator decided for the new member; else the ring and the node choose. */
  roles?: readonly string[]
  zone?: string
  /** At which node it was made. */
  createdBy?: NodeId
  /** SHA-256, hex. */
  secretHash: string
  createdAt: number
  expiresAt: number
  usedBy?: NodeId
  usedAt?: number
  grant?: Grant
}

/** What the ring gives to a new member. Drawn once: a repeated redemption by the same node gets the same. */
export interface Grant {
  name: string
  placementId: string
  roles: readonly string[]
  zone: string
}

export type Redemption =
  | { verdict: 'accepted'; record: InviteRecord; grant: Grant; isNew: boolean }
  | { verdict: 'invalid' | 'used' | 'expired' }

/** An invite is good for so long, and never for longer than a day. */
export const defaultInviteLifetimeMs = 24 * 3600 * 1000

/** By what a joiner knows the door of a node: half the SHA-256 of the key that its TLS certificate must have, in hex. */
export function doorKeyOf(nodeId: NodeId): string {
  return keyIdOf(nodePublicKey(nodeId))
}

export function createInviteRecord(
  invite: Pick<Invite, 'id' | 'secret'>,
  now: number,
  lifetimeMs: number = defaultInviteLifetimeMs,
  wishes: Pick<InviteRecord, 'roles' | 'zone' | 'createdBy'> = {},
): InviteRecord {
  const { id, secret } = invite
  return { ...wishes, id, secretHash: hashSecret(secret), createdAt: now, expiresAt: now + lifetimeMs }
}

/**
 * The compare-and-set on the record, as a pure function. A node whose answer got lost may ask again, also after the
 * invite's time; anybody else finds it used.
 */
export function redeemInvite(
  record: InviteRecord | undefined,
  request: { secret: Uint8Array; nodeId: NodeId },
  grant: Grant,
  now: number,
): Redemption {
  if (!record || !isSecret(record, request.secret)) return { verdict: 'invalid' }
  if (record.usedBy !== undefined) {
    if (record.usedBy !== request.nodeId || !record.grant) return { verdict: 'used' }
    return { verdict: 'accepted', record, grant: record.grant, isNew: false }
  }
  if (now > record.expiresAt) return { verdict: 'expired' }
  const granted: Grant = {
    ...grant,
    ...(record.roles && { roles: record.roles }),
    ...(record.zone && { zone: record.zone }),
  }
  const used: InviteRecord = { ...record, usedBy: request.nodeId, usedAt: now, grant: granted }
  return { verdict: 'accepted', record: used, grant: granted, isNew: true }
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The zone wished for when it is a host label, else `default`. */
export function chooseZone(wish: string | undefined): string {
  const label = wish?.toLowerCase()
  return label && LABEL.test(label) ? label : 'default'
}

/** A name that no member has: the wish when it is a free host label, else the first free `n<number>`. */
export function chooseName(wish: string | undefined, taken: Iterable<string>): string {
  const used = new Set(taken)
  const label = wish?.toLowerCase()
  if (label && LABEL.test(label) && !used.has(label)) return label
  for (let n = used.size + 1; ; n++) if (!used.has(`n${n}`)) return `n${n}`
}

function isSecret(record: InviteRecord, secret: Uint8Array): boolean {
  return timingSafeEqual(Buffer.from(record.secretHash), Buffer.from(hashSecret(secret)))
}

function hashSecret(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex')
}

function checkOf(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECK_BYTES)
}

function invalid(why: string): ThorError {
  return new ThorError('ADMISSION_INVITE_INVALID', `this is not an invite of a ring: ${why}`)
}

function hostOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function addressBytes(host: string): Uint8Array {
  const family = isIP(host)
  if (family === 4) return Buffer.from(host.split('.').map(Number))
  if (family === 0) throw new ThorError('OVERLAY_BAD_ADDRESS', `${host} is not an IP address`)
  // The URL parser writes the shortest form, without an IPv4 tail.
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::')
  const front = head ? head.split(':') : []
  const back = tail ? tail.split(':') : []
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return Buffer.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]))
}
