/** Ending a call from the middle: one BYE to each side, as if the other side had sent it (RFC 3261 §15.1.1). */
import { type Logger, type Random, randomHex, ThorError } from '@thor-node/core'
import type { DialogRecord, DialogSide } from '../delegates.ts'
import type { SipRequest } from '../message/contract.ts'
import { formatVia, makeRequest } from '../message/index.ts'
import type { Hops, RemoteHop } from '../proxy/hops.ts'
import { nextHopOf } from '../proxy/route.ts'
import type { Side } from '../proxy/session-description.ts'
import type { TransactionLayer } from '../transaction/contract.ts'

/** Far above what the party we speak for will have used: it counts on from its own number, and a lower one is refused. */
const CSEQ_AHEAD = 1_000_000
const CSEQ_MAX = 2 ** 31 - 1

/** RFC 3326. */
export interface EndReason {
  protocol: 'SIP' | 'Q.850'
  cause: number
  text: string
}

export const formatReason = ({ protocol, cause, text }: EndReason): string =>
  `${protocol};cause=${cause};text="${text.replace(/["\\]/g, '')}"`

/** The BYE towards `side`, in the name of the other one. */
export function buildBye(dialog: DialogRecord, side: Side, reason: EndReason): SipRequest {
  const to: DialogSide = dialog[side]
  const from: DialogSide = dialog[side === 'caller' ? 'callee' : 'caller']
  const headers: [string, string][] = to.routes.map((route) => ['Route', route])
  headers.push(['Reason', formatReason(reason)], ['User-Agent', 'thor-node'])
  return makeRequest({
    method: 'BYE',
    uri: to.target,
    from: from.nameAddr,
    to: to.nameAddr,
    callId: dialog.callId,
    cseq: Math.min(CSEQ_MAX, to.cseq + CSEQ_AHEAD),
    headers,
  })
}

export interface ByeComponents {
  transactions: TransactionLayer
  hops: Hops
  logger: Logger
}

/** Sends one BYE; resolves with the final status. Rejects with `SIP_BYE_UNANSWERED`, `SIP_NEXT_HOP_UNKNOWN`. */
export async function sendBye(
  { transactions, hops }: ByeComponents,
  dialog: DialogRecord,
  side: Side,
  reason: EndReason,
): Promise<number> {
  const bye = buildBye(dialog, side, reason)
  const { edge, flow } = dialog[side]
  const target = bye.requestUri
  const next = nextHopOf(bye)
  const reach = edge !== undefined && flow !== undefined ? { edge, flow } : undefined
  const hop: RemoteHop = reach ? hops.byFlow(reach, () => hops.toContact(reach, target)) : await hops.byUri(next, true)
  return new Promise((resolve, reject) => {
    transactions.request(bye, hop, {
      onResponse({ status }) {
        if (status >= 200) resolve(status)
      },
      onFailure(cause) {
        reject(new ThorError('SIP_BYE_UNANSWERED', `no answer to BYE: ${cause}`))
      },
      // When the node stops first.
      onEnd() {
        reject(new ThorError('SIP_BYE_UNANSWERED', 'no answer to BYE'))
      },
    })
  })
}

/** The ACK for the callee's 2xx, in the caller's name: needed before a BYE when the 2xx will not reach the caller. */
export async function sendAck(
  { hops, random }: { hops: Hops; random: Random },
  { callId, caller, callee }: DialogRecord,
): Promise<void> {
  const ack = makeRequest({
    method: 'ACK',
    uri: callee.target,
    from: caller.nameAddr,
    to: callee.nameAddr,
    callId,
    cseq: callee.cseq,
    headers: callee.routes.map((route) => ['Route', route] as const),
  })
  const next = nextHopOf(ack)
  const { edge, flow } = callee
  const hop = edge !== undefined && flow !== undefined ? hops.byFlow({ edge, flow }) : await hops.byUri(next, true)
  const params = new Map([['branch', `z9hG4bK${randomHex(random, 8)}`]])
  ack.headers.prepend('Via', formatVia({ ...hop.via, params }))
  await hop.send(ack)
}

/** Sends both BYEs at the same time; what fails is logged, for the other party may be gone. */
export async function endCall(components: ByeComponents, dialog: DialogRecord, reason: EndReason): Promise<void> {
  const sides: Side[] = ['caller', 'callee']
  const outcomes = await Promise.allSettled(sides.map((side) => sendBye(components, dialog, side, reason)))
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue
    components.logger.info('BYE not answered', { call: dialog.callUuid, side: sides[index], error: outcome.reason })
  }
}
