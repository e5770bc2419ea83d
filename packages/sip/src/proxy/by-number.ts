/** Numbers that lead elsewhere by ENUM: to accounts here, to foreign hosts, or, where they were ported, to a trunk. */
import { errorMessage, type Logger } from '@thor-node/core'
import type { NumberLookup } from '../delegates.ts'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { parseUri } from '../message/index.ts'
import { numberOf } from '../trunk/trunk.ts'
import type { Caller } from './admitting.ts'
import { NUMBER_TARGETS_MAX } from './limits.ts'

export type NumberTarget =
  | { kind: 'sip'; uri: SipUri; text: string }
  /** `dialled`: what stands before the @ at the carrier, with what is known of portability (RFC 4694). */
  | { kind: 'trunk'; routedBy: string; dialled: string }

/** Best first. Nothing where the request names no number, or nobody knows it. */
export async function targetsOf(
  { numbers, log }: { numbers: NumberLookup | undefined; log: Logger },
  { requestUri, method }: SipRequest,
  caller: Caller | undefined,
): Promise<NumberTarget[]> {
  const number = numbers && numberOf(requestUri)
  if (number === undefined) return []
  const found = await numbers?.find({ number, method, ...(caller && { caller: caller.account }) })
  return (found ?? []).slice(0, NUMBER_TARGETS_MAX).flatMap((text): NumberTarget[] => {
    try {
      const uri = parseUri(text)
      if (uri.scheme === 'sip' || uri.scheme === 'sips') return [{ kind: 'sip', uri, text }]
      return uri.scheme === 'tel' ? [ported(uri)] : []
    } catch (error) {
      log.info('a number leads to what is no URI', { number, error: errorMessage(error) })
      return []
    }
  })
}

/** The carrier is chosen by the routing number where the number was ported; it is told both, and that it need not ask again. */
function ported(uri: SipUri): NumberTarget {
  const number = (uri.user ?? '').replace(/[-.()]/g, '')
  const routing = uri.params.get('rn')?.replace(/[-.()]/g, '')
  const said = ['rn', 'rn-context', 'npdi'].flatMap((name) => {
    if (!uri.params.has(name)) return []
    const value = uri.params.get(name)
    return value === undefined || value === '' ? [`;${name}`] : [`;${name}=${value}`]
  })
  return { kind: 'trunk', routedBy: routing ?? number, dialled: number + said.join('') }
}
