import type { TLSSocket } from 'node:tls'
import { Packr } from 'msgpackr'
import { frameHeader } from '../kad/framing.ts'
import type { NodeId } from '../peers.ts'

/** One request and one answer on the door's TLS connection, each a frame (u32 length) of msgpack. */
export interface JoinRequest {
  version: 1
  /** Absent from a node that asks why nobody takes its connections: it is told that it was revoked, or who is a member now. */
  invite?: { id: string; secret: Uint8Array }
  nodeId: NodeId
  /** Ed25519 by the node's key over `proofText`. */
  proof: Uint8Array
  /** Wishes: host labels, see `chooseName` and `chooseZone`. */
  name?: string
  zone?: string
}

export type JoinAnswer =
  | {
      ok: true
      /** `encodeRingIdentity` */
      identity: Uint8Array
      certificate: unknown
      roster: unknown
      members: unknown
    }
  /** To a member that asked without an invite. */
  | { ok: 'member'; roster: unknown; members: unknown }
  | { ok: false; code: string; message: string; revocation?: unknown }

const packr = new Packr({ useRecords: false, copyBuffers: true })

export function encodeFrame(message: JoinRequest | JoinAnswer): Uint8Array {
  const body = packr.pack(message)
  return Buffer.concat([frameHeader(body.length), body])
}

export function decodeRequest(frame: Uint8Array): JoinRequest | undefined {
  const value = decode(frame)
  if (!value) return undefined
  const { version, invite, nodeId, proof, name, zone } = value
  if (version !== 1 || !(proof instanceof Uint8Array) || typeof nodeId !== 'string') return undefined
  if (invite !== undefined && !isInvite(invite)) return undefined
  return {
    version,
    ...(invite !== undefined && { invite }),
    nodeId,
    proof,
    ...(typeof name === 'string' && { name }),
    ...(typeof zone === 'string' && { zone }),
  }
}

function isInvite(value: unknown): value is { id: string; secret: Uint8Array } {
  if (typeof value !== 'object' || value === null) return false
  const { id, secret } = value as Record<string, unknown>
  return typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) && secret instanceof Uint8Array
}

export function decodeAnswer(frame: Uint8Array): JoinAnswer | undefined {
  const value = decode(frame)
  if (!value) return undefined
  const { ok, code, message, identity, certificate, roster, members, revocation } = value
  if (ok === false && typeof code === 'string' && typeof message === 'string') return { ok, code, message, revocation }
  if (ok === 'member') return { ok, roster, members }
  if (ok === true && identity instanceof Uint8Array) return { ok, identity, certificate, roster, members }
  return undefined
}

/** What the node key signs: bound to this TLS connection (RFC 8446 §7.5), so a proof cannot be used on another. */
export function proofText(socket: TLSSocket, nodeId: NodeId): Uint8Array {
  const exported = socket.exportKeyingMaterial(32, 'EXPORTER-thor-node-admission', Buffer.from(nodeId))
  return Buffer.concat([Buffer.from('thor-node admission 1\n'), exported])
}

function decode(frame: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = packr.unpack(frame)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
