/** Numbers that lead elsewhere by ENUM: to accounts here, to foreign hosts, or, where they were ported, to a trunk. */
import { errorMessage, type Logger } from '@thor-node/core'
import type { LedByEnum, NumberLookup } from '../delegates.ts'
import type { SipUri } from '../message/contract.ts'
import { parseUri } from '../message/index.ts'
import { type DialPlan, formsOf } from '../numbers/dial-plan.ts'
import type { Dialled } from '../numbers/dialled.ts'
import type { Caller } from './admitting.ts'
import { NUMBER_TARGETS_MAX } from './limits.ts'
import type { Leaving } from './outgoing.ts'

export type NumberTarget = { kind: 'sip'; uri: SipUri; text: string } | { kind: 'trunk'; as: Leaving }

/** Best first, and what leads there. Nothing where the request names no number, or nobody knows it. */
export async function targetsOf(
  { numbers, plan, log }: { numbers: NumberLookup | undefined; plan: DialPlan; log: Logger },
  dialled: Dialled | undefined,
  method: string,
  caller: Caller | undefined,
): Promise<{ led: LedByEnum; targets: NumberTarget[] } | undefined> {
  if (!numbers || !dialled) return undefined
  const { number } = dialled
  const { account, trees } = caller ?? {}
  const found = await numbers.find({ number, method, ...(account && { caller: account }), ...(trees && { trees }) })
  if (!found) return undefined
  const targets = found.uris.slice(0, NUMBER_TARGETS_MAX).flatMap((text): NumberTarget[] => {
    try {
      const uri = parseUri(text)
      if (uri.scheme === 'sip' || uri.scheme === 'sips') return [{ kind: 'sip', uri, text }]
      return uri.scheme === 'tel' ? [{ kind: 'trunk', as: leaving(uri, plan) }] : []
    } catch (error) {
      log.info('a number leads to what is no URI', { number, error: errorMessage(error) })
      return []
    }
  })
  return { led: { tree: found.tree, number }, targets }
}

/** The carrier is chosen by the routing number where the number was ported; it is told both, and that it need not ask again. */
function leaving(uri: SipUri, plan: DialPlan): Leaving {
  const number = (uri.user ?? '').replace(/[-.()]/g, '')
  const routing = uri.params.get('rn')?.replace(/[-.()]/g, '')
  const said = ['rn', 'rn-context', 'npdi'].flatMap((name) => {
    if (!uri.params.has(name)) return []
    const value = uri.params.get(name)
    return value === undefined || value === '' ? [`;${name}`] : [`;${name}=${value}`]
  })
  return { forms: formsOf(routing ?? number, plan), said: number + said.join('') }
}
