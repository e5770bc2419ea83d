/** Bodies that describe media, on their way through a relay. Everything else passes untouched. */
import { type Address, errorCode } from '@thor-node/core'
import type { MediaControl } from '../delegates.ts'
import type { SipMessage } from '../message/contract.ts'
import { findSdpPart } from './multipart.ts'

export type Side = 'caller' | 'callee'

export interface SdpContext {
  callUuid: string
  side: Side
  kind: 'offer' | 'answer'
  branch: string
  from: Address
  towards?: Address
}

interface Found {
  sdp: string
  /** What stands around it in a multipart body; empty otherwise. */
  before: string
  behind: string
}

function find(message: SipMessage): Found | undefined {
  if (message.body.length === 0) return undefined
  const type = message.headers.get('Content-Type')?.trim() ?? ''
  const simple = /^application\/sdp\s*(;|$)/i.test(type)
  if (!simple && !/^multipart\//i.test(type)) return undefined
  const body = Buffer.from(message.body).toString('latin1')
  if (simple) return { sdp: body, before: '', behind: '' }
  const part = findSdpPart(type, body)
  return (
    part && { sdp: body.slice(part.start, part.end), before: body.slice(0, part.start), behind: body.slice(part.end) }
  )
}

/** The SDP of a message, or of the part that is SDP; undefined when it has none. Octets as latin1 text. */
export const sdpOf = (message: SipMessage): string | undefined => find(message)?.sdp

/** With the Content-Length that belongs to it, where the message has one. */
export function setBody(message: SipMessage, body: Uint8Array): void {
  message.body = body
  if (message.headers.has('Content-Length')) message.headers.set('Content-Length', String(message.body.length))
}

/** Rewrites the SDP of a message in place, if it has any. Rejects as `MediaControl.rewrite` does. */
export async function passThroughRelay(media: MediaControl, message: SipMessage, context: SdpContext): Promise<void> {
  const found = find(message)
  if (!found) return
  const { sdp, before, behind } = found
  setBody(message, Buffer.from(before + (await media.rewrite({ ...context, sdp })) + behind, 'latin1'))
}

/** What the offerer hears when a relay did not take its SDP. */
export const statusOfMediaFailure = (error: unknown): 488 | 503 =>
  errorCode(error)?.startsWith('MEDIA_SDP') ? 488 : 503

/** Name of a branch for media: the same wherever in the ring the branch is known only from its cookie. */
export const branchName = (index: number): string => `b${index}`
