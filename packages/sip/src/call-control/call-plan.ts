/** Where does a request for this address go? Decided at the home of the address, from its record and its live bindings. */
import type { CallPlan, Instance, PlanQuery, Target } from '../delegates.ts'
import { BRANCHES_MAX } from '../proxy/limits.ts'
import type { StoredBinding } from '../registrar/bindings.ts'
import { instanceName, registrationMark } from '../registrar/gruu.ts'
import { type AccountView, type AliasView, isBlocked } from './account-view.ts'

/** `nowMs`: wall time. What rings for INVITE receives every other method too. */
export function planCall(
  address: AccountView | AliasView | undefined,
  bindings: readonly StoredBinding[],
  nowMs: number,
  { only, anonymous = false, method }: Partial<Pick<PlanQuery, 'only' | 'anonymous' | 'method'>> = {},
): CallPlan {
  if (!address) return { verdict: 'refuse', status: 404, reason: 'Not Found' }
  if (address.kind === 'alias') return { verdict: 'redirect', aor: address.target }
  if (isBlocked(address)) return { verdict: 'refuse', status: 480, reason: 'Temporarily Unavailable' }
  if (anonymous && address.groups.includes('anonymous-reject')) {
    return { verdict: 'refuse', status: 433, reason: 'Anonymity Disallowed' }
  }
  const live = bindings.filter((binding) => binding.expiresAt > nowMs)
  const meant = only ? ofInstance(live, only) : live
  // A temporary name lives as long as the registration that it was given for (RFC 5627 §5.4).
  if (meant.length === 0 && only?.registration) return { verdict: 'refuse', status: 404, reason: 'Not Found' }
  const targets = devicesOf(meant)
    // Newest first, so that the devices seen last are rung when there are too many.
    .sort(([a], [b]) => b.q - a.q || b.updatedAt - a.updatedAt)
    .slice(0, BRANCHES_MAX)
    .map(
      ([first, ...others]): Target => ({
        ...targetOf(first),
        ...(others.length > 0 && { others: others.map(targetOf) }),
      }),
    )
  if (targets.length === 0 && method === 'MESSAGE' && address.keepsMessages && !only) {
    return { verdict: 'keep', account: address.aor }
  }
  if (targets.length === 0) return { verdict: 'refuse', status: 480, reason: 'Temporarily Unavailable' }
  return { verdict: 'ring', account: address.aor, targets }
}

function ofInstance(bindings: readonly StoredBinding[], { instance, registration }: Instance): StoredBinding[] {
  const own = bindings.filter((one) => one.instance !== undefined && instanceName(one.instance) === instance)
  const meant = registration === undefined || own.some(({ callId }) => registrationMark(callId) === registration)
  return meant ? own : []
}

/** The bindings of each device, its newest flow first: flows of one device are not rung together (RFC 5626 §5.1). */
function devicesOf(bindings: readonly StoredBinding[]): [StoredBinding, ...StoredBinding[]][] {
  const devices: [StoredBinding, ...StoredBinding[]][] = []
  const byInstance = new Map<string, StoredBinding[]>()
  for (const binding of [...bindings].sort((a, b) => b.updatedAt - a.updatedAt)) {
    const { instance, regId } = binding
    const known = instance === undefined || regId === undefined ? undefined : byInstance.get(instance)
    if (known) {
      known.push(binding)
      continue
    }
    const device: [StoredBinding] = [binding]
    devices.push(device)
    if (instance !== undefined && regId !== undefined) byInstance.set(instance, device)
  }
  return devices
}

function targetOf(binding: StoredBinding): Target {
  return {
    uri: binding.contact,
    edge: binding.edge,
    flow: binding.flow,
    path: binding.path,
    q: binding.q,
    ...(binding.instance !== undefined && { instance: binding.instance }),
  }
}
