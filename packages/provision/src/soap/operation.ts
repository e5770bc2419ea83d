import type { AccountDirectory } from '../accounts/directory.ts'
import type { CallHistory, DeviceLocations } from '../delegates.ts'
import { missing } from '../errors.ts'
import type { Caller } from './auth.ts'
import type { PortName } from './names.ts'
import type { SoapValue, TypeName, Value } from './types.ts'

/** What operations work with. */
export interface OperationContext {
  caller: Caller
  directory: AccountDirectory
  locations: DeviceLocations
  calls: CallHistory
}

export type Arguments<I> = { [P in keyof I]?: Value<I[P]> }

/** One operation of a port, as the dispatcher and the WSDL see it. */
export interface Operation {
  port: PortName
  name: string
  /** Argument name → type, in the order of the wire. */
  input: Readonly<Record<string, TypeName>>
  /** Type of the result; absent when there is none. */
  output: TypeName | undefined
  run(context: OperationContext, args: Record<string, SoapValue>): Promise<SoapValue>
}

interface Definition<I extends Record<string, TypeName>, O extends TypeName | undefined> {
  port: PortName
  name: string
  input: I
  output?: O
  run(context: OperationContext, args: Arguments<I>): Promise<O extends TypeName ? Value<O> : void>
}

/** Declares an operation; the types of arguments and result follow from the table of types. */
export function operation<const I extends Record<string, TypeName>, const O extends TypeName | undefined = undefined>(
  definition: Definition<I, O>,
): Operation {
  const { port, name, input, output } = definition
  return {
    port,
    name,
    input,
    output,
    // The decoder built `args` by `input`, so they have the types that `run` declares.
    run: async (context, args) => (await definition.run(context, args as Arguments<I>)) as SoapValue,
  }
}

/** An argument that must be there. Throws PROVISION_MISSING_VALUE. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw missing(field)
  return value
}
