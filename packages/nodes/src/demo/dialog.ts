/** The state of a dialog at a phone (RFC 3261 §12), as plain values. */
import type { SipRequest, SipResponse } from '@thor-node/sip'
import { formatUri, makeRequest, withTag } from '@thor-node/sip'

export interface Dialog {
  readonly callId: string
  /** From and To of requests that we send, tags included. */
  readonly local: string
  readonly remote: string
  readonly remoteTarget: string
  /** Values of Route, first hop first. */
  readonly routes: readonly string[]
  /** Of the last request that we sent. */
  readonly localCseq: number
  /** Our own Contact. */
  readonly contact: string
}

const recordRoutesOf = (message: SipRequest | SipResponse): string[] =>
  message.recordRoutes.map(({ uri }) => `<${formatUri(uri)}>`)

function targetOf(message: SipRequest | SipResponse): string | undefined {
  const { contacts } = message
  const first = Array.isArray(contacts) ? contacts[0] : undefined
  return first && formatUri(first.uri)
}

/** The caller's side: the route set is Record-Route of the 2xx in reverse (§12.1.2). */
export function callerDialog(invite: SipRequest, answer: SipResponse, contact: string): Dialog {
  return {
    callId: invite.callId,
    local: invite.headers.get('From') ?? '',
    remote: answer.headers.get('To') ?? '',
    remoteTarget: targetOf(answer) ?? invite.uri,
    routes: recordRoutesOf(answer).reverse(),
    localCseq: invite.cseq.number,
    contact,
  }
}

/** The callee's side: Record-Route of the INVITE in its order (§12.1.1). */
export function calleeDialog(invite: SipRequest, localTag: string, contact: string): Dialog {
  const from = invite.headers.get('From') ?? ''
  return {
    callId: invite.callId,
    local: withTag(invite.headers.get('To') ?? '', localTag),
    remote: from,
    remoteTarget: targetOf(invite) ?? formatUri(invite.from.uri),
    routes: recordRoutesOf(invite),
    localCseq: 0,
    contact,
  }
}

/** A request inside the dialog (§12.2.1.1) and the dialog after it. All our routes are loose, so none is rewritten. */
export function nextRequest(dialog: Dialog, method: string): { request: SipRequest; dialog: Dialog } {
  const localCseq = dialog.localCseq + 1
  return { request: requestAt(dialog, method, localCseq), dialog: { ...dialog, localCseq } }
}

/** ACK for the 2xx: it bears the number of the INVITE (§13.2.2.4). */
export const ackFor = (dialog: Dialog): SipRequest => requestAt(dialog, 'ACK', dialog.localCseq)

function requestAt(dialog: Dialog, method: string, cseq: number): SipRequest {
  return makeRequest({
    method,
    uri: dialog.remoteTarget,
    from: dialog.local,
    to: dialog.remote,
    callId: dialog.callId,
    cseq,
    headers: [...dialog.routes.map((route) => ['Route', route] as const), ['Contact', dialog.contact]],
  })
}
