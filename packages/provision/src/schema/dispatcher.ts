import { type Clock, errorCode, type Logger } from '@thor-node/core'
import { inScopes } from '../accounts/tokens.ts'
import { type Audit, auditArgs } from '../audit/audit.ts'
import { asProvision, failure } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Caller } from './caller.ts'
import type { Operation, OperationContext, OperationParts, RequestFacts } from './operation.ts'
import type { SchemaValue } from './types.ts'

export interface Answered {
  value: SchemaValue
  /** Etag of what was read, where a register has one. */
  seen: string | undefined
}

const forbidden = (why: string) => failure('PROVISION_FORBIDDEN', why)

/** Runs operations for SOAP, REST and the command line: rights, time, audit log. */
export class Dispatcher {
  readonly #parts: OperationParts
  readonly #clock: Clock
  readonly #audit: Pick<Audit, 'write'>
  readonly #logger: Logger

  constructor(components: OperationParts & { audit: Audit; logger: Logger }) {
    this.#parts = components
    this.#clock = components.clock
    this.#audit = components.audit
    this.#logger = components.logger.forComponent('provision:operations')
  }

  /** Throws what the operation throws, PROVISION_FORBIDDEN, PROVISION_TIMEOUT. */
  async run(
    operation: Operation,
    caller: Caller,
    args: Record<string, SchemaValue>,
    facts: Omit<RequestFacts, 'seen'>,
  ): Promise<Answered> {
    assertMay(operation, caller)
    const request: RequestFacts = { ...facts }
    const context: OperationContext = { ...this.#parts, caller, request }
    if (!operation.changes) return { value: await this.#inTime(run(operation, context, args)), seen: request.seen }
    const value = await this.#audited(operation, context, args)
    return { value, seen: undefined }
  }

  async #audited(operation: Operation, context: OperationContext, args: Record<string, SchemaValue>) {
    const name = `${operation.port}.${operation.name}`
    const { caller, request } = context
    const write = (outcome: string): Promise<void> =>
      this.#audit.write({
        who: caller.username,
        impersonate: caller.impersonate,
        from: request.from,
        via: request.via,
        operation: name,
        args: auditArgs(args),
        outcome,
      })
    // Written when the work is done, also where the client did not wait for that.
    const work = run(operation, context, args).then(
      async (value) => {
        await write('done')
        return value
      },
      async (error) => {
        if (errorCode(error) === 'STORE_UNKNOWN') await write('STORE_UNKNOWN')
        throw error
      },
    )
    const value = await this.#inTime(work)
    this.#logger.debug('done', { operation: name, caller: caller.username })
    return value
  }

  /** What takes longer goes on, and its client is told to look before it repeats. */
  #inTime(work: Promise<SchemaValue>): Promise<SchemaValue> {
    return new Promise((resolve, reject) => {
      const late = () =>
        failure('PROVISION_TIMEOUT', 'no answer in time; read the record before you repeat the request')
      const timer = this.#clock.after(limits.operationTimeoutMs, () => reject(late()))
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

const run = (operation: Operation, context: OperationContext, args: Record<string, SchemaValue>) =>
  operation.run(context, args).catch((error) => {
    throw asProvision(error)
  })

/** Throws PROVISION_FORBIDDEN. */
function assertMay({ who, port, name, changes }: Operation, { kind, impersonate, scopes }: Caller): void {
  if (who === 'anyone') return
  if (kind === 'user' && who !== 'user') throw forbidden(`${name} is for operators`)
  if (who === 'admin' && (kind !== 'admin' || impersonate !== 0)) throw forbidden(`${name} is for administrators`)
  if (scopes && !inScopes(scopes, port, changes)) throw forbidden(`the token is not for ${port}.${name}`)
}
