/** Whether a REGISTER makes a flow of a device (RFC 5626 §6): several flows of one device are then several bindings. */
import type { SipRequest } from '../message/contract.ts'
import { tagsOf } from '../message/headers/option-tags.ts'
import { parseNameAddrList } from '../message/index.ts'
import type { Refusal } from '../proxy/validate.ts'

const REG_ID_MAX = 2 ** 31 - 1

/** The registrar's part; `path` as the request brought it. A refusal is 400 or 439 (First Hop Lacks Outbound Support). */
export function readOutbound(request: SipRequest, path: readonly string[]): boolean | Refusal {
  const { contacts } = request
  if (contacts === undefined || contacts === '*' || !tagsOf(request, 'Supported').includes('outbound')) return false
  const flows = contacts.filter(({ params }) => isRegId(params.get('reg-id')) && params.get('+sip.instance'))
  if (flows.length === 0) return false
  // A flow is one way to one device.
  if (contacts.length > 1) return { status: 400, reason: 'One Contact With reg-id' }
  // We are the first hop, or that one says in its Path that it keeps flows.
  const direct = request.vias.length === 1 && path.length === 0
  const firstHop = direct ? undefined : parseNameAddrList(path).at(-1)
  if (direct || firstHop?.uri.params.has('ob')) return true
  return { status: 439, reason: 'First Hop Lacks Outbound Support' }
}

function isRegId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= REG_ID_MAX
}
