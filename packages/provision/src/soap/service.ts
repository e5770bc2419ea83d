import { type Clock, childElements, type Logger, type XmlElement } from '@thor-node/core'
import type { Admins } from '../accounts/admins.ts'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'
import { authenticate } from './auth.ts'
import { Decoder } from './decode.ts'
import { parseRequest, writeFault, writeResponse } from './envelope.ts'
import { type Fault, faultOf, isInternal, notImplemented } from './fault.ts'
import { ns, portNamespace } from './names.ts'
import type { Operation, OperationContext } from './operation.ts'
import { operations } from './services/index.ts'
import type { SoapValue } from './types.ts'

export interface SoapAnswer {
  /** 200, or 500 for a fault: some clients throw away the body of anything else. */
  status: 200 | 500
  body: string
}

export type SoapComponents = Omit<OperationContext, 'caller'> & {
  admins: Pick<Admins, 'verifyAdmin'>
  clock: Clock
  logger: Logger
}

const byName = new Map(operations.map((operation) => [`${portNamespace(operation.port)} ${operation.name}`, operation]))

/** From the bytes of a request to the bytes of an answer: parse, find the operation, authenticate, decode, run, encode. */
export class SoapService {
  readonly #components: SoapComponents
  readonly #logger: Logger

  constructor(components: SoapComponents) {
    this.#components = components
    this.#logger = components.logger.forComponent('provision:soap')
  }

  async answer(body: Uint8Array): Promise<SoapAnswer> {
    let name = ''
    try {
      const parsed = parseRequest(body)
      if ('fault' in parsed) return refuse(parsed.fault)
      const { headers, operation: element, ids } = parsed.request
      name = element.local
      const decoder = new Decoder(ids)
      const caller = await authenticate(headers, decoder, this.#components.admins)
      const operation = findOperation(element)
      if (!operation) return refuse(notImplemented(`${element.namespace} ${element.local}`.slice(0, 200)))
      const args = decodeArguments(operation, element, decoder)
      const value = await this.#inTime(operation.run({ ...this.#components, caller }, args))
      this.#logger.debug('done', { operation: name, caller: caller.username })
      return {
        status: 200,
        body: writeResponse(portNamespace(operation.port), operation.name, operation.output, value),
      }
    } catch (error) {
      const fault = faultOf(error)
      if (isInternal(fault)) this.#logger.error('operation failed', { operation: name, error })
      else this.#logger.info('refused', { operation: name, fault: fault.exception?.name ?? fault.text })
      return refuse(fault)
    }
  }

  /** What takes longer goes on, and its client is told to look before it repeats. */
  #inTime(work: Promise<SoapValue>): Promise<SoapValue> {
    return new Promise((resolve, reject) => {
      const late = failure('PROVISION_TIMEOUT', 'no answer in time; read the record before you repeat the request')
      const timer = this.#components.clock.after(limits.operationTimeoutMs, () => reject(late))
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

function refuse(fault: Fault): SoapAnswer {
  return { status: 500, body: writeFault(fault) }
}

/**
 * By namespace and name. Clients that put the operation in the namespace of the types, or in none (document/literal), get the
 * one of that name, if no other port has it too.
 */
function findOperation({ namespace, local }: XmlElement): Operation | undefined {
  const found = byName.get(`${namespace} ${local}`)
  if (found || (namespace !== '' && namespace !== ns.types)) return found
  const candidates = operations.filter(({ name }) => name === local)
  return candidates.length === 1 ? candidates[0] : undefined
}

function decodeArguments(operation: Operation, element: XmlElement, decoder: Decoder): Record<string, SoapValue> {
  const children = childElements(element)
  const args: Record<string, SoapValue> = {}
  for (const [name, type] of Object.entries(operation.input)) {
    const child = children.find(({ local }) => local === name)
    const value = child && decoder.value(child, type, child.local)
    if (value !== undefined) args[name] = value
  }
  return args
}
