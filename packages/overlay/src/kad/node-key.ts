import { createPrivateKey, createPublicKey, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { type Random, systemRandom, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'

/** The 32 bytes of an Ed25519 private key (RFC 8032 §5.1.5). It is the node's identity and never leaves its disk. */
export type NodeKey = Uint8Array

const KEY_BYTES = 32
/** RFC 8410 §7 and §4: what stands before the raw key in PKCS #8 and SubjectPublicKeyInfo. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

export function generateNodeKey(random: Random = systemRandom): NodeKey {
  return random.bytes(KEY_BYTES)
}

function privateKeyObject(key: NodeKey) {
  if (key.length !== KEY_BYTES) {
    throw new ThorError('OVERLAY_BAD_NODE_KEY', `a node key has ${KEY_BYTES} bytes, this one has ${key.length}`)
  }
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, key]), format: 'der', type: 'pkcs8' })
}

function rawPublicKey(key: NodeKey): Uint8Array {
  const spki = createPublicKey(privateKeyObject(key)).export({ format: 'der', type: 'spki' })
  return spki.subarray(SPKI_PREFIX.length)
}

/** The key pair in DER, as TLS wants it. */
export function nodeKeyPair(key: NodeKey): { publicKey: Uint8Array; privateKey: Uint8Array } {
  const privateKey = privateKeyObject(key).export({ format: 'der', type: 'pkcs8' })
  return { publicKey: Buffer.concat([SPKI_PREFIX, rawPublicKey(key)]), privateKey }
}

/** The public key that the id is, in DER. Throws for anything that is not the id of an Ed25519 key. */
export function nodePublicKey(nodeId: NodeId): Uint8Array {
  const id = peerIdFromString(nodeId)
  if (id.type !== 'Ed25519') throw new ThorError('OVERLAY_BAD_NODE_KEY', `${nodeId} is not the id of a node`)
  return Buffer.concat([SPKI_PREFIX, id.publicKey.raw])
}

/** The node key as libp2p wants it. */
export function libp2pKey(key: NodeKey): Ed25519PrivateKey {
  return privateKeyFromRaw(Buffer.concat([key, rawPublicKey(key)])) as Ed25519PrivateKey
}

/** Throws `OVERLAY_BAD_NODE_KEY` unless the key has 32 bytes. */
export function nodeIdOf(key: NodeKey): NodeId {
  return peerIdFromPublicKey(publicKeyFromRaw(rawPublicKey(key))).toString()
}

/** Ed25519 over `message`, 64 bytes. */
export function signAsNode(key: NodeKey, message: Uint8Array): Uint8Array {
  return signBytes(null, message, privateKeyObject(key))
}

/** False for a wrong signature and for anything that is not the id of an Ed25519 key. The id is the public key. */
export function verifyNode(nodeId: NodeId, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (!isNodeId(nodeId)) return false
    const key = createPublicKey({ key: Buffer.from(nodePublicKey(nodeId)), format: 'der', type: 'spki' })
    return verifyBytes(null, message, key, signature)
  } catch {
    return false
  }
}

/** True for the text form of an Ed25519 node id. */
export function isNodeId(text: string): boolean {
  try {
    const id = peerIdFromString(text)
    return id.type === 'Ed25519' && id.toString() === text
  } catch {
    return false
  }
}
