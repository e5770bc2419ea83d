/** Whom here a Request-URI means: an address, or a number, which may be written in several forms. */
import { type Aor, makeAor } from '@thor-node/core'
import type { SipUri } from '../message/contract.ts'
import { type Dialled, dialledIn } from '../numbers/dialled.ts'
import { aorOf } from './admitting.ts'
import type { ProxyComponents, ProxyInit } from './context.ts'

type Surroundings = Pick<ProxyComponents, 'planOf'> & { home: Pick<ProxyComponents['home'], 'servesDomain'> } & Pick<
    ProxyInit,
    'isNode'
  >

/** The number that a request is for, if any, and the domain of who dials. */
export interface DialledBy {
  dialled: Dialled | undefined
  own: string | undefined
}

export interface Meant {
  /** The best first; empty: nobody here is meant. */
  aors: readonly Aor[]
  dialled: Dialled | undefined
}

/** `own`: the domain of who asks, whose a number is, or a user at a node's own address. */
export function meantBy(around: Surroundings, uri: SipUri, own: string | undefined): Meant {
  const { home, isNode, planOf } = around
  const domain = uri.scheme === 'tel' ? own : home.servesDomain(uri.host) ? uri.host : isNode(uri) ? own : undefined
  const dialled = dialledIn(uri, domain, planOf)
  if (dialled) {
    const { context, forms } = dialled
    // RFC 3966 §5.1.5: the number itself says whose it is.
    const whose = context !== undefined && home.servesDomain(context) ? context : domain
    return { aors: whose === undefined ? [] : forms.map((form) => makeAor(form, whose)), dialled }
  }
  if (domain === undefined) return { aors: [], dialled }
  if (uri.scheme === 'tel') return { aors: [makeAor(uri.user ?? '', domain)], dialled }
  const aor = aorOf(uri)
  if (aor === undefined) return { aors: [], dialled }
  return { aors: [domain === uri.host ? aor : makeAor(aor.slice(0, aor.lastIndexOf('@')), domain)], dialled }
}
