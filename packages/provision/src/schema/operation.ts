import type { Clock, Slices } from '@thor-node/core'
import type { AccountDirectory } from '../accounts/directory.ts'
import type { Logins } from '../accounts/logins.ts'
import type { CallHistory, DeviceLocations, NetworkState, SipTraces } from '../delegates.ts'
import { missing, type ProvisionCode } from '../errors.ts'
import type { Balances } from '../money/balances.ts'
import type { CreditCounts } from '../operations/credit-counts.ts'
import type { ProvisionRecords } from '../records/index.ts'
import type { Caller } from './caller.ts'
import type { SchemaValue, TypeName, Value } from './types.ts'

/** Ports of the service. The names are those of the WSDL. */
export const ports = [
  'Sip',
  'Voicemail',
  'Enum',
  'Dns',
  'Customer',
  'Rating',
  'Network',
  'Presence',
  'Platform',
] as const
export type PortName = (typeof ports)[number]

/** What operations work with. */
export interface OperationParts {
  directory: AccountDirectory
  records: ProvisionRecords
  balances: Balances
  logins: Logins
  locations: DeviceLocations
  calls: CallHistory
  network: NetworkState
  creditCounts: CreditCounts
  /** For lists: see there. */
  slices: Slices
  traces: SipTraces
  clock: Clock
}

/** About the request, apart from who made it. */
export interface RequestFacts {
  /** Address of the client; empty on the command line. */
  from: string
  via: 'soap' | 'rest' | 'cli'
  /** A change is made only to the value that has this etag. */
  etag?: string | undefined
  /** Set by operations that read one register. */
  seen?: string | undefined
}

export interface OperationContext extends OperationParts {
  caller: Caller
  request: RequestFacts
}

export type Arguments<I> = { [P in keyof I]?: Value<I[P]> }

/**
 * Who may call: `admin` = administrators with all rights; `operator` = also customers and resellers, for what is theirs;
 * `user` = also the user of a SIP account, for that account; `anyone` = the operation checks a password itself.
 */
export type Who = 'admin' | 'operator' | 'user' | 'anyone'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * One operation: the only place that defines it. SOAP, WSDL, REST, OpenAPI, `thor-node api` and the reference page take it
 * from here.
 */
export interface Operation {
  port: PortName
  name: string
  /** One or two sentences, for the reference page and OpenAPI. */
  doc: string
  who: Who
  /** Whether it changes anything; what only reads is not in the audit log. */
  changes: boolean
  /** Whether it is done only to what still has the etag of the request; others are refused with one. */
  guarded: boolean
  /** Where REST has it. `{name}` in the path is the argument of this name. */
  rest: { method: HttpMethod; path: string }
  /** Argument name → type, in the order of the wire. */
  input: Readonly<Record<string, TypeName>>
  /** Arguments of former versions, which SOAP still takes. */
  retiredInput: Readonly<Record<string, TypeName>>
  /** Type of the result; absent when there is none. */
  output: TypeName | undefined
  /** What it is refused with, beyond what any operation may be. */
  faults: readonly ProvisionCode[]
  /** Names of former versions of the interface, by which SOAP finds it too. */
  aliases: readonly string[]
  run(context: OperationContext, args: Record<string, SchemaValue>): Promise<SchemaValue>
}

interface Definition<
  I extends Record<string, TypeName>,
  O extends TypeName | undefined,
  R extends Record<string, TypeName>,
> {
  port: PortName
  name: string
  doc: string
  /** @default 'operator' */
  who?: Who
  /** `GET /sip/accounts/{sipId}` */
  rest: `${HttpMethod} /${string}`
  /** @default false */
  guarded?: boolean
  input: I
  retiredInput?: R
  output?: O
  faults?: readonly ProvisionCode[]
  aliases?: readonly string[]
  run(context: OperationContext, args: Arguments<I & R>): Promise<O extends TypeName ? Value<O> : void>
}

/** Declares an operation; the types of arguments and result follow from the table of types. */
export function operation<
  const I extends Record<string, TypeName>,
  const O extends TypeName | undefined = undefined,
  const R extends Record<string, TypeName> = Record<never, TypeName>,
>(definition: Definition<I, O, R>): Operation {
  const { port, name, doc, who = 'operator', rest, input, output, faults = [], aliases = [] } = definition
  const [method, path] = rest.split(' ') as [HttpMethod, string]
  return {
    port,
    name,
    doc,
    who,
    changes: !name.startsWith('get'),
    guarded: definition.guarded ?? false,
    rest: { method, path },
    input,
    retiredInput: definition.retiredInput ?? {},
    output,
    faults,
    aliases,
    // The readers built `args` by `input`, so they have the types that `run` declares.
    run: async (context, args) => (await definition.run(context, args as Arguments<I & R>)) as SchemaValue,
  }
}

/** An argument that must be there. Throws PROVISION_MISSING_VALUE. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw missing(field)
  return value
}
