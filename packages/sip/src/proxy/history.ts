/** Where a request was meant to go before it goes where it goes: Diversion (RFC 5806) and History-Info (RFC 7044). */
import type { Diversion } from '../delegates.ts'
import type { SipRequest } from '../message/contract.ts'
import { escapeUser, formatNameAddr, parseNameAddrList, parseUri, splitList } from '../message/index.ts'
import { HISTORY_MAX } from './limits.ts'

/** RFC 4458 §2 and RFC 5806 §5.1: how a diversion is written in each of the headers. */
const CAUSES: Readonly<Record<Diversion['reason'], number>> = {
  unconditional: 302,
  'user-busy': 486,
  'no-answer': 408,
  unavailable: 480,
  deflection: 480,
}

const uriOf = (aor: string): string => {
  const at = aor.lastIndexOf('@')
  return `sip:${escapeUser(aor.slice(0, at))}${aor.slice(at)}`
}

/** The latest diversion stands first (RFC 5806 §5.2). A diverter who hides his number is not named. */
export function addDiversions(copy: SipRequest, diversions: readonly Diversion[]): void {
  for (const { by, reason, hidden } of diversions) {
    const uri = hidden ? 'sip:anonymous@anonymous.invalid' : uriOf(by)
    copy.headers.prepend('Diversion', `<${uri}>;reason=${reason};counter=1${hidden ? ';privacy=full' : ''}`)
  }
}

/**
 * Adds the trail from the Request-URI that came to the target of this branch, when the caller's device takes part (option
 * tag `histinfo`, or a history that came with the request). `trail`: AORs, the first that of the Request-URI. `branch` numbers
 * the targets of one fork.
 */
export function addHistory(
  copy: SipRequest,
  received: string,
  { trail, diversions, branch }: { trail: readonly string[]; diversions: readonly Diversion[]; branch: number },
): void {
  const before = copy.headers.getAll('History-Info')
  const supported = copy.headers.getAll('Supported').flatMap(splitList)
  if (before.length === 0 && !supported.some((tag) => tag.toLowerCase() === 'histinfo')) return
  if (/(^|;)\s*history/i.test(copy.headers.get('Privacy') ?? '')) return
  const known = parseNameAddrList(before)
  if (known.length >= HISTORY_MAX) return
  let index = known.at(-1)?.params.get('index') ?? ''
  const add = (uri: string, step: string, changed?: string): void => {
    const entry = formatNameAddr({
      uri: parseUri(uri),
      params: new Map([['index', step], ...(changed ? [[changed, index] as const] : [])]),
    })
    copy.headers.append('History-Info', entry)
    index = step
  }
  if (index === '') add(received, '1')
  for (const [at, aor] of trail.slice(1).entries()) {
    const diverted = diversions.find(({ by }) => by === trail[at])
    // RFC 4458: the target says why it was chosen.
    const uri = diverted ? `${uriOf(aor)};cause=${CAUSES[diverted.reason]}` : uriOf(aor)
    add(uri, `${index}.1`, diverted ? 'mp' : 'rc')
  }
  if (copy.uri !== received) add(copy.uri, `${index}.${branch + 1}`, 'rc')
}
