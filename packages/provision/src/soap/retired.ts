import { failure } from '../errors.ts'
import { operations } from '../operations/index.ts'
import type { Operation } from '../schema/operation.ts'
import type { SchemaValue, TypeName, Value } from '../schema/types.ts'
import { portNamespace } from './names.ts'

/**
 * Operations that portals of 2007 to 2009 call, with other arguments or another result than today's have. Whose name alone is another is
 * an alias of its operation. The WSDL has neither.
 */
export interface RetiredOperation {
  /** What does the work: rights and audit log are those of it. */
  operation: Operation
  input: Readonly<Record<string, TypeName>>
  output: TypeName
  /** Arguments of the operation. */
  arguments(given: Record<string, SchemaValue>): Record<string, SchemaValue>
  result(value: SchemaValue): SchemaValue
}

function named(port: Operation['port'], name: string): Operation {
  return operations.find((one) => one.port === port && one.name === name) as Operation
}

/** A name in a filter that stands for itself alone. */
const literally = (text = ''): string => text.replace(/[\\%_]/g, '\\$&')

/** `getAliasesForAccount(target)`: the addresses of its aliases. */
const getAliasesForAccount: RetiredOperation = {
  operation: named('Sip', 'getAliases'),
  input: { target: 'SipId' },
  output: 'SipIdArray',
  arguments({ target }) {
    const { username, domain } = (target ?? {}) as Value<'SipId'>
    // Without them all aliases would be asked for.
    if (!username || !domain) throw failure('PROVISION_MISSING_VALUE', 'target is missing')
    return {
      query: {
        filter: { targetUsername: literally(username), targetDomain: literally(domain) },
        orderBy: { attribute: 'aliasUsername', direction: 'ASC' },
      },
    }
  },
  result: (value) => ((value as Value<'SipAliasResult'>).aliases ?? []).map(({ id }) => id as SchemaValue),
}

/** `getTrace(nodeIP, callID, fromTag)`: today's `getSipTrace` has them in a filter. */
const getTrace: RetiredOperation = {
  operation: named('Sip', 'getSipTrace'),
  input: { nodeIP: 'string', callID: 'string', fromTag: 'string' },
  output: 'string',
  arguments: ({ nodeIP, callID, fromTag }) => ({ filter: { nodeIp: nodeIP, callId: callID, fromTag } }),
  result: (value) => value,
}

/** By namespace and name. */
export const retired: ReadonlyMap<string, RetiredOperation> = new Map([
  [`${portNamespace('Sip')} getAliasesForAccount`, getAliasesForAccount],
  [`${portNamespace('Sip')} getTrace`, getTrace],
])
