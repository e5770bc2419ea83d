/** What must be remembered of an answered call so that any node can end it (RFC 3261 §12.1, seen from the middle). */
import type { DialogRecord, DialogSide } from '../delegates.ts'
import type { NameAddr, SipRequest, SipResponse } from '../message/contract.ts'
import { formatNameAddr, formatUri } from '../message/index.ts'
import type { Reach } from '../proxy/cookie.ts'
import { COOKIE_PARAM } from '../proxy/route.ts'

export interface DialogParts {
  callUuid: string
  /** As received, before our own Record-Route. */
  invite: SipRequest
  /** The 2xx as it came from the callee. */
  answer: SipResponse
  caller: { identity: string; reach?: Reach }
  callee: { identity: string; reach?: Reach }
}

export function dialogRecord({ callUuid, invite, answer, caller, callee }: DialogParts): DialogRecord {
  // As the callee knows the caller: another From where that is hidden, and another number where a trunk asked for digest.
  const shown = answer.headers.get('from')
  return {
    callUuid,
    callId: invite.callId,
    caller: {
      ...sideOf(invite, invite.from, 'from'),
      ...(shown !== undefined && { nameAddr: shown }),
      identity: caller.identity,
      ...caller.reach,
      // Those in front of us on the way from the caller, nearest to us first.
      routes: invite.recordRoutes.map(formatNameAddr),
      cseq: 0,
    },
    callee: {
      ...sideOf(answer, answer.to, 'to'),
      identity: callee.identity,
      ...callee.reach,
      routes: routesBeyondUs(answer.recordRoutes).map(formatNameAddr),
      cseq: answer.cseq.number,
    },
  }
}

function sideOf(message: SipRequest | SipResponse, party: NameAddr, header: 'from' | 'to') {
  const contact = message.contacts
  const target = contact && contact !== '*' ? contact[0]?.uri : undefined
  return {
    nameAddr: message.headers.get(header) ?? formatNameAddr(party),
    tag: party.params.get('tag') ?? '',
    target: formatUri(target ?? party.uri),
    userAgent: message.headers.get('User-Agent') ?? message.headers.get('Server') ?? '',
  } satisfies Partial<DialogSide>
}

/** Record-Route stacks: what stands above our first entry was put on between us and the callee. */
function routesBeyondUs(recordRoutes: readonly NameAddr[]): NameAddr[] {
  const ours = recordRoutes.findIndex((route) => route.uri.params.has(COOKIE_PARAM))
  return ours < 0 ? [] : recordRoutes.slice(0, ours).toReversed()
}
