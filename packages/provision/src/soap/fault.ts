import { errorCode, errorMessage } from '@thor-node/core'
import { faultEntry } from '../errors.ts'

/** What a client gets when something is refused or fails. `code` is NGNPro's, by which portals decide what to do next. */
export interface Fault {
  side: 'Client' | 'Server' | 'VersionMismatch' | 'MustUnderstand'
  /** The `faultstring`: a few words. */
  text: string
  /** The `errorcode` and `errorstring` in the detail; absent for faults of the envelope itself. */
  exception?: { code: number; name: string; text: string }
}

export function faultOf(error: unknown): Fault {
  const code = errorCode(error) ?? ''
  const entry = faultEntry(code)
  if (entry) {
    const { number, side, text } = entry
    const detail = code.startsWith('STORE_') ? text : errorMessage(error)
    return { side, text, exception: { code: number, name: code, text: detail } }
  }
  if (code.startsWith('CORE_XML_')) return { side: 'Client', text: errorMessage(error) }
  // What went wrong inside is for the log, not for the wire.
  return { side: 'Server', text: 'Internal error', exception: { code: 200, name: 'INTERNAL', text: 'Internal error' } }
}

/** True for faults that an operator of ours should hear of. */
export const isInternal = (fault: Fault): boolean => fault.exception?.name === 'INTERNAL'

export const notImplemented = (what: string): Fault => ({
  side: 'Client',
  text: 'Not implemented',
  exception: { code: 900, name: 'NOT_IMPLEMENTED', text: `${what} is not an operation of this service` },
})
