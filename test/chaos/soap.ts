/** As much of SOAP as the load needs: a request to one node, over connections that are kept, and how it ended. */
import { Agent, request } from 'node:http'

export interface SoapAnswer {
  outcome: 'ok' | 'refused' | 'unknown' | 'unreachable'
  /** Name of the fault, or of what the socket said. */
  error?: string
}

export interface SoapAccount {
  user: string
  domain: string
  firstName: string
  password?: string
  /** So many properties of 1 KB each. */
  properties?: number
}

/** The connection was not made: nothing was sent. */
const NOT_SENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'])
/** Faults of which the service says itself that they leave the outcome open. */
const OPEN = new Set(['STORE_UNKNOWN', 'INTERNAL', ''])

export class SoapClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })
  readonly #host: string
  readonly #password: string

  constructor(host: string, password: string) {
    this.#host = host
    this.#password = password
  }

  stop(): void {
    this.#agent.destroy()
  }

  addAccount(account: SoapAccount, limitMs: number): Promise<SoapAnswer> {
    return this.#ask('addAccount', accountXml(account), limitMs)
  }

  updateAccount(account: SoapAccount, limitMs: number): Promise<SoapAnswer> {
    return this.#ask('updateAccount', accountXml(account), limitMs)
  }

  #ask(operation: string, body: string, limitMs: number): Promise<SoapAnswer> {
    const envelope =
      '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:s="urn:AGProjects:NGNPro:Sip"><e:Header>' +
      `<auth><username>admin</username><password>${this.#password}</password><admin>true</admin></auth></e:Header>` +
      `<e:Body><s:${operation}>${body}</s:${operation}></e:Body></e:Envelope>`
    return new Promise((resolve) => {
      const outgoing = request(
        {
          agent: this.#agent,
          host: this.#host,
          port: 9200,
          method: 'POST',
          path: '/',
          headers: { 'content-type': 'text/xml', soapaction: '""', 'content-length': Buffer.byteLength(envelope) },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('error', () => undefined)
          response.on('close', () => {
            clearTimeout(limit)
            if (response.statusCode === 200 && text.includes(`${operation}Response`)) return resolve({ outcome: 'ok' })
            const error = /<(?:\w+:)?errorstring[^>]*>([^<]*)/.exec(text)?.[1] ?? ''
            resolve({ outcome: OPEN.has(error) ? 'unknown' : 'refused', error: error || `HTTP ${response.statusCode}` })
          })
        },
      )
      const limit = setTimeout(() => outgoing.destroy(new Error(`no answer in ${limitMs} ms`)), limitMs)
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(limit)
        const outcome = NOT_SENT.has(error.code ?? '') ? 'unreachable' : 'unknown'
        resolve({ outcome, error: error.code ?? error.message })
      })
      outgoing.end(envelope)
    })
  }
}

function accountXml({ user, domain, firstName, password, properties = 0 }: SoapAccount): string {
  const secret = password === undefined ? '' : `<password>${password}</password>`
  const id = `<id><username>${user}</username><domain>${domain}</domain></id>`
  const property = (_: unknown, index: number): string =>
    `<item><name>x${index}</name><value>${'x'.repeat(1_000)}</value></item>`
  const list = properties > 0 ? `<properties>${Array.from({ length: properties }, property).join('')}</properties>` : ''
  return `<account>${id}${secret}<firstName>${firstName}</firstName>${list}</account>`
}
