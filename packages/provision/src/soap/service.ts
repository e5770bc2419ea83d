import { childElements, type Logger, type Slices, type XmlElement } from '@thor-node/core'
import type { Logins } from '../accounts/logins.ts'
import { operations } from '../operations/index.ts'
import { adminCaller, type Caller } from '../schema/caller.ts'
import type { Dispatcher } from '../schema/dispatcher.ts'
import type { Operation } from '../schema/operation.ts'
import type { SchemaValue, TypeName } from '../schema/types.ts'
import { authenticate } from './auth.ts'
import { Decoder } from './decode.ts'
import { parseRequest, writeFault, writeResponse } from './envelope.ts'
import { type Fault, faultOf, isInternal, notImplemented } from './fault.ts'
import { ns, portNamespace } from './names.ts'
import { retired } from './retired.ts'

export interface SoapAnswer {
  /** 200, or 500 for a fault: some clients throw away the body of anything else. */
  status: 200 | 500
  body: string
}

export interface SoapComponents {
  dispatcher: Pick<Dispatcher, 'run'>
  logins: Pick<Logins, 'login'>
  slices: Slices
  logger: Logger
}

const byName = new Map(
  operations.flatMap((operation) =>
    [operation.name, ...operation.aliases].map((name) => [`${portNamespace(operation.port)} ${name}`, operation]),
  ),
)

/** From the bytes of a request to the bytes of an answer: parse, find the operation, authenticate, decode, run, encode. */
export class SoapService {
  readonly #components: SoapComponents
  readonly #logger: Logger

  constructor(components: SoapComponents) {
    this.#components = components
    this.#logger = components.logger.forComponent('provision:soap')
  }

  /** `from`: the address of the client. */
  async answer(body: Uint8Array, from = ''): Promise<SoapAnswer> {
    let name = ''
    try {
      const parsed = parseRequest(body)
      if ('fault' in parsed) return refuse(parsed.fault)
      const { headers, operation: element, ids } = parsed.request
      name = element.local
      const decoder = new Decoder(ids)
      const old = retired.get(`${element.namespace} ${element.local}`)
      const operation = old?.operation ?? findOperation(element)
      const caller =
        operation?.who === 'anyone' ? nobody : await authenticate(headers, decoder, this.#components.logins, from)
      if (!operation) return refuse(notImplemented(`${element.namespace} ${element.local}`.slice(0, 200)))
      const given = decodeArguments(old?.input ?? { ...operation.input, ...operation.retiredInput }, element, decoder)
      const args = old ? old.arguments(given) : given
      const { value } = await this.#components.dispatcher.run(operation, caller, args, { from, via: 'soap' })
      const namespace = portNamespace(operation.port)
      const rest = this.#components.slices.begin()
      const result = old ? old.result(value) : value
      return { status: 200, body: await writeResponse(namespace, name, old?.output ?? operation.output, result, rest) }
    } catch (error) {
      const fault = faultOf(error)
      if (isInternal(fault)) this.#logger.error('operation failed', { operation: name, error })
      else this.#logger.info('refused', { operation: name, fault: fault.exception?.name ?? fault.text })
      return refuse(fault)
    }
  }
}

/** Calls what checks a password itself. */
const nobody: Caller = { ...adminCaller(''), kind: 'user', isReseller: false, mayAdd: false }

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

function decodeArguments(
  input: Readonly<Record<string, TypeName>>,
  element: XmlElement,
  decoder: Decoder,
): Record<string, SchemaValue> {
  const children = childElements(element)
  const args: Record<string, SchemaValue> = {}
  for (const [name, type] of Object.entries(input)) {
    const child = children.find(({ local }) => local === name)
    const value = child && decoder.value(child, type, child.local)
    if (value !== undefined) args[name] = value
  }
  return args
}
