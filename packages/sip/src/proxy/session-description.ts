/** Bodies that describe media, on their way through a relay. Everything else passes untouched. */
import { type Address, errorCode } from '@thor-node/core'
import type { MediaControl } from '../delegates.ts'
import type { SipMessage } from '../message/contract.ts'

export type Side = 'caller' | 'callee'

export interface SdpContext {
  callUuid: string
  side: Side
  kind: 'offer' | 'answer'
  branch: string
  from: Address
}

/** The SDP of a message, or undefined when its body is something else or empty. Octets as latin1 text. */
export function sdpOf(message: SipMessage): string | undefined {
  if (message.body.length === 0) return undefined
  const type = message.headers.get('Content-Type') ?? ''
  if (!/^application\/sdp\s*(;|$)/i.test(type.trim())) return undefined
  return Buffer.from(message.body).toString('latin1')
}

export function setSdp(message: SipMessage, sdp: string): void {
  message.body = Buffer.from(sdp, 'latin1')
  if (message.headers.has('Content-Length')) message.headers.set('Content-Length', String(message.body.length))
}

/** Rewrites the SDP of a message in place, if it has any. Rejects as `MediaControl.rewrite` does. */
export async function passThroughRelay(media: MediaControl, message: SipMessage, context: SdpContext): Promise<void> {
  const sdp = sdpOf(message)
  if (sdp !== undefined) setSdp(message, await media.rewrite({ ...context, sdp }))
}

/** What the offerer hears when a relay did not take its SDP. */
export const statusOfMediaFailure = (error: unknown): 488 | 503 =>
  errorCode(error)?.startsWith('MEDIA_SDP') ? 488 : 503

/** Name of a branch for media: the same wherever in the ring the branch is known only from its cookie. */
export const branchName = (index: number): string => `b${index}`
