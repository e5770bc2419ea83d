/**
 * Calls to numbers outside, by trunks: who may make them, what a carrier is shown, and the answer to its challenge. The
 * node stands towards the carrier where a user agent would (docs/adr/0016-trunks-answer-for-the-caller.md).
 */
import { errorMessage, type Logger, type Random } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { formatCSeq, formatNameAddr, parseUri } from '../message/index.ts'
import type { Dialled } from '../numbers/dialled.ts'
import { answerChallenge } from '../trunk/answer.ts'
import { numberAt, ownAddress, type TrunkState } from '../trunk/trunk.ts'
import type { Trunks } from '../trunk/trunks.ts'
import type { Caller } from './admitting.ts'
import { busyRefusal, type Hops, NextHopBusy, type RemoteHop } from './hops.ts'
import { hiddenFrom, isHidden, type Privacy } from './identity.ts'
import type { Refusal } from './validate.ts'

/** The right to call numbers outside (NGNPro). */
export const PSTN_GROUP = 'free-pstn'
/** Answers to challenges per attempt: the nonce may have been a stale one. */
const CHALLENGES_MAX = 2
const CSEQ_MAX = 2 ** 31 - 1

export interface TrunkWay {
  uri: string
  hop: RemoteHop
  trunk: TrunkState
}

/** What leaves by a trunk: the forms by which one is found, and what stands before the @ where that is not the form that fits. */
export interface Leaving {
  forms: readonly string[]
  /** Of a ported number: it, with what is known of portability (RFC 4694). */
  said?: string
}

/** The ways of a call to a number that nobody has here; undefined when it is none, or no trunk takes it. */
export async function waysOut(
  { trunks, hops, log }: { trunks: Pick<Trunks, 'for'>; hops: Pick<Hops, 'waysTo'>; log: Logger },
  request: SipRequest,
  caller: Caller | undefined,
  { dialled, as }: { dialled: Dialled | undefined; as?: Leaving },
): Promise<[TrunkWay, ...TrunkWay[]] | Refusal | undefined> {
  const found = dialled && request.method === 'INVITE' ? trunks.for((as ?? dialled).forms) : undefined
  if (!dialled || !found || !caller) return undefined
  const refusal = mayCallOutside(caller)
  if (refusal) return refusal
  const ways: TrunkWay[] = []
  const busy: NextHopBusy[] = []
  for (const { trunk, number } of found) {
    try {
      const hopsTo = await hops.waysTo(parseUri(trunk.target))
      const uri = numberAt(trunk, (as?.said ?? number) + dialled.kept)
      ways.push(...hopsTo.map((hop) => ({ uri, hop, trunk })))
    } catch (error) {
      log.info('no way to a trunk', { trunk: trunk.name, error: errorMessage(error) })
      if (error instanceof NextHopBusy) busy.push(error)
    }
  }
  const [first, ...others] = ways
  if (first) return [first, ...others]
  const soonest = busy.sort((a, b) => a.retryAfter - b.retryAfter)[0]
  return soonest ? busyRefusal(soonest) : { status: 503, reason: 'No Trunk Is Up' }
}

/** Undefined: he may. */
export const mayCallOutside = ({ groups }: Caller): Refusal | undefined =>
  groups.includes(PSTN_GROUP) ? undefined : { status: 403, reason: 'No Right To Call Numbers Outside' }

/** What the carrier sees of the caller, in a copy that `present` has written. */
export function showTo(copy: SipRequest, trunk: TrunkState, privacy: Privacy): void {
  if (isHidden(privacy)) copy.headers.set('Privacy', 'id')
  showFrom(copy, trunk, privacy.user)
}

function showFrom(copy: SipRequest, trunk: TrunkState, hidden: boolean): void {
  const { credentials, from } = trunk
  if (hidden) copy.headers.set('From', hiddenFrom(copy))
  else if (from === 'trunk' && credentials) {
    const { params } = copy.from
    copy.headers.set('From', formatNameAddr({ uri: parseUri(ownAddress(trunk, credentials.user)), params }))
  }
}

/** Counts one further: in CSeq, and in the number of the INVITE that RAck names (RFC 3262 §7.2). */
export function countAhead(copy: SipRequest): void {
  const { number, method } = copy.cseq
  copy.headers.set('CSeq', formatCSeq({ number: Math.min(CSEQ_MAX, number + 1), method }))
  const acknowledged = /^(\d+)\s+(\d+)\s+(.+)$/.exec(copy.headers.get('RAck') ?? '')
  if (acknowledged) {
    const [, response, invite, of] = acknowledged
    copy.headers.set('RAck', `${response} ${Number(invite) + 1} ${of}`)
  }
}

/** A later request of the caller, as the carrier knows him. */
export function asTrunkKnows(
  copy: SipRequest,
  { trunk, hidden }: { trunk: { ahead: boolean }; hidden?: boolean },
  known: TrunkState | undefined,
): void {
  if (known) showFrom(copy, known, hidden ?? false)
  if (trunk.ahead) countAhead(copy)
}

/**
 * A request within a dialog once more. BYE is the last, so it may count on; others keep their number, since the caller, who
 * knows nothing of it, will use the next one himself.
 */
export function resent(sent: SipRequest): SipRequest {
  const copy = sent.clone()
  if (copy.method === 'BYE') countAhead(copy)
  return copy
}

/**
 * Answers challenges of a trunk: `again` makes the request anew, numbered one further for a first request, since a carrier
 * may take the same number for the same request (RFC 3261 §8.2.2.2, §22.1).
 */
export function answering(
  random: Random,
  { credentials }: TrunkState,
  again: (sent: SipRequest) => SipRequest,
): (sent: SipRequest, response: SipResponse) => SipRequest | undefined {
  let answered = 0
  return (sent, response) => {
    if (!credentials || answered >= CHALLENGES_MAX) return undefined
    answered++
    const request = again(sent)
    const header = answerChallenge(request, response, credentials, random)
    if (!header) return undefined
    request.headers.remove(header[0])
    request.headers.append(...header)
    return request
  }
}
