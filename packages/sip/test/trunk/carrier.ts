/** A carrier in one object: what an agent asks of it is answered at once, and its bindings can be looked at. */
import { parseCredentials, ThorError } from '@thor-node/core'
import { contactExpires, formatUri, makeResponse, type SipRequest, type SipResponse } from '../../src/message/index.ts'
import type { Agent } from '../../src/ua/ask.ts'

export class FakeCarrier {
  /** Contacts, as they were bound. */
  readonly bound = new Map<string, number>()
  readonly requests: SipRequest[] = []
  /** Answers with this instead, once for each. */
  readonly next: (number | 'silence' | readonly [number, string, string])[] = []
  silent = false
  digest = true
  /** Put on every Contact that it names. */
  params = ''

  /** As a node at this address sees it. */
  agentAt(host: string): Agent {
    const address = { host: '192.0.2.7', port: 5060 }
    const via = { transport: 'UDP', host, port: 5060 }
    const hop = { reliable: false, via, remote: address, transport: 'udp' as const, send: async () => undefined }
    return {
      ask: async (_uri, make) => {
        const request = make(hop)
        this.requests.push(request)
        const response = this.#answer(request)
        if (!response) throw new ThorError('SIP_UNANSWERED', 'no answer')
        return { response, hop }
      },
    }
  }

  /** Methods and numbers of what came. */
  get log(): string[] {
    return this.requests.map(({ method, cseq }) => `${method} ${cseq.number}`)
  }

  get registers(): SipRequest[] {
    return this.requests.filter(({ method }) => method === 'REGISTER')
  }

  #answer(request: SipRequest): SipResponse | undefined {
    if (this.silent) return undefined
    const planned = this.next.shift()
    if (planned === 'silence') return undefined
    if (typeof planned === 'number') return makeResponse(request, planned)
    if (planned) return makeResponse(request, planned[0], undefined, { headers: [[planned[1], planned[2]]] })
    if (request.method === 'OPTIONS') return makeResponse(request, 200)
    if (this.digest && !parseCredentials(request.headers.get('Authorization') ?? '')) {
      const challenge = 'Digest realm="c", nonce="n", qop="auth"'
      return makeResponse(request, 401, undefined, { headers: [['WWW-Authenticate', challenge]] })
    }
    for (const contact of request.contacts === '*' ? [] : (request.contacts ?? [])) {
      const expires = contactExpires(contact) ?? 0
      const uri = formatUri(contact.uri).replace(this.params, '')
      if (expires > 0) this.bound.set(uri, expires)
      else this.bound.delete(uri)
    }
    const headers = [...this.bound].map(
      ([uri, expires]) => ['Contact', `<${uri}${this.params}>;expires=${expires}`] as const,
    )
    return makeResponse(request, 200, undefined, { headers })
  }
}
