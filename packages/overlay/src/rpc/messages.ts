import { Packr } from 'msgpackr'

/**
 * The wire of RPC: one byte of version, then a msgpack array whose first item says what it is.
 *
 *   [0, id, method, body]   request           [1, id, body]            answer
 *   [3, method, body]       notification      [2, id, code, message]   refusal or failure
 */
export const WIRE_VERSION = 1

export type RpcMessage =
  | { type: 'request'; id: number; method: string; body: unknown }
  | { type: 'answer'; id: number; body: unknown }
  | { type: 'failure'; id: number; code: string; message: string }
  | { type: 'notification'; method: string; body: unknown }

/** Plain maps (no record extension: frames stand alone), and buffers that do not pin the chunk they came in. */
const packr = new Packr({ useRecords: false, copyBuffers: true })

const kinds = { request: 0, answer: 1, failure: 2, notification: 3 } as const

function toArray(message: RpcMessage): unknown[] {
  const kind = kinds[message.type]
  switch (message.type) {
    case 'request':
      return [kind, message.id, message.method, message.body]
    case 'answer':
      return [kind, message.id, message.body]
    case 'failure':
      return [kind, message.id, message.code, message.message]
    case 'notification':
      return [kind, message.method, message.body]
  }
}

export function encode(message: RpcMessage): Uint8Array {
  const packed = packr.pack(toArray(message))
  const frame = Buffer.allocUnsafe(packed.length + 1)
  frame[0] = WIRE_VERSION
  packed.copy(frame, 1)
  return frame
}

/** Undefined for anything that is not a message of this version. */
export function decode(frame: Uint8Array): RpcMessage | undefined {
  if (frame[0] !== WIRE_VERSION) return undefined
  let parts: unknown
  try {
    parts = packr.unpack(frame.subarray(1))
  } catch {
    return undefined
  }
  if (!Array.isArray(parts)) return undefined
  const [kind, first, second, third] = parts as unknown[]
  if (kind === kinds.request && isId(first) && typeof second === 'string') {
    return { type: 'request', id: first, method: second, body: third }
  }
  if (kind === kinds.answer && isId(first)) return { type: 'answer', id: first, body: second }
  if (kind === kinds.failure && isId(first) && typeof second === 'string' && typeof third === 'string') {
    return { type: 'failure', id: first, code: second, message: third }
  }
  if (kind === kinds.notification && typeof first === 'string') {
    return { type: 'notification', method: first, body: second }
  }
  return undefined
}

/** What a body becomes on the way: the same at a call to oneself as over the network, at a third of the price. */
export function copyBody(body: unknown): unknown {
  if (typeof body === 'string' || typeof body === 'boolean' || body === null || body === undefined) return body
  if (Number.isFinite(body)) return body
  if (Array.isArray(body)) return body.map(copyBody)
  if (body instanceof Uint8Array) return copyBytes(body)
  if (typeof body === 'object' && Object.getPrototypeOf(body) === Object.prototype) {
    const copy: Record<string, unknown> = {}
    for (const key of Object.keys(body)) copy[key] = copyBody((body as Record<string, unknown>)[key])
    return copy
  }
  return packr.unpack(packr.pack(body))
}

/** Not from the pool: what the store keeps would keep a whole piece of the pool. */
function copyBytes(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
