/**
 * The bindings of one AOR and what a REGISTER makes of them (RFC 3261 §10.3 steps 6–8, RFC 5626 §6). Pure: the home of the
 * account reads the bindings, calls this, and stores what it says.
 */
import { hash } from 'node:crypto'
import type { Address } from '@thor-node/core'
import type { BindingUpdate, BindQuery, BindResult, BoundContact, UnbindQuery } from '../delegates.ts'
import { equalUris, parseUri } from '../message/index.ts'
import { CONTACTS_MAX, EXPIRES_MAX, EXPIRES_MIN, EXPIRES_NAT_MAX } from '../proxy/limits.ts'
import type { FlowToken } from '../transport/contract.ts'
import { instanceName } from './gruu.ts'

export interface StoredBinding {
  /** Names the binding within its AOR; stays the same over refreshes. */
  id: string
  contact: string
  params: Readonly<Record<string, string>>
  q: number
  callId: string
  cseq: number
  /** Wall time in ms. */
  expiresAt: number
  updatedAt: number
  edge: string
  flow: FlowToken
  path: readonly string[]
  userAgent: string
  source: Address
  transport: string
  nat: boolean
  /** `+sip.instance` of the Contact; `reg-id` where the binding is a flow of that device (RFC 5626). */
  instance?: string
  regId?: string
}

export interface BindOutcome {
  result: BindResult
  /** To be stored. */
  puts: StoredBinding[]
  /** Ids to be removed. */
  removes: string[]
}

export interface BindLimits {
  /** Shortest and longest registration, in seconds. */
  expiresMin: number
  expiresMax: number
  /** Contacts of an account. */
  contactsMax: number
}

const DEFAULT_LIMITS: BindLimits = { expiresMin: EXPIRES_MIN, expiresMax: EXPIRES_MAX, contactsMax: CONTACTS_MAX }

/** `nowMs`: wall time. Bindings that have expired count as gone. */
export function applyBind(
  current: readonly StoredBinding[],
  query: BindQuery,
  nowMs: number,
  limits: BindLimits = DEFAULT_LIMITS,
): BindOutcome {
  const live = current.filter((binding) => binding.expiresAt > nowMs)
  if (query.contacts === 'all') {
    const late = live.some((binding) => isOutOfOrder(binding, query))
    return late ? refuse(500, 'CSeq Out Of Order') : bound([], nowMs, [], ids(live))
  }
  if (query.contacts.length === 0) return bound(live, nowMs, [], [])

  const after = new Map(live.map((binding) => [binding.id, binding]))
  const puts = new Map<string, StoredBinding>()
  const removes = new Set<string>()
  for (const update of query.contacts) {
    const known = findBinding([...after.values()], update, query.outbound)
    // Nothing is stored when one of several contacts is late: all or none (§10.3 step 7).
    if (known && isOutOfOrder(known, query)) return refuse(500, 'CSeq Out Of Order')
    if (update.expires === 0) {
      if (!known) continue
      after.delete(known.id)
      puts.delete(known.id)
      removes.add(known.id)
      continue
    }
    if (update.expires < limits.expiresMin) return refuse(423, 'Interval Too Brief', limits.expiresMin)
    const next = bindingOf(update, query, nowMs, { id: known?.id, limits })
    after.set(next.id, next)
    puts.set(next.id, next)
    removes.delete(next.id)
  }
  if (after.size > limits.contactsMax && puts.size > 0) return refuse(403, 'Too Many Contacts')
  return bound([...after.values()], nowMs, [...puts.values()], [...removes])
}

/** What is granted of the seconds asked for. */
export function grantSeconds(
  asked: number,
  transport: string,
  nat: boolean,
  { expiresMin, expiresMax }: Pick<BindLimits, 'expiresMin' | 'expiresMax'> = DEFAULT_LIMITS,
): number {
  const pinhole = nat && transport.toLowerCase() === 'udp'
  return Math.min(asked, expiresMax, pinhole ? Math.max(EXPIRES_NAT_MAX, expiresMin) : expiresMax)
}

/** The binding that a Contact names: by instance and reg-id where it has them, else by URI (RFC 3261 §19.1.4). */
export function findBinding(
  bindings: readonly StoredBinding[],
  update: Pick<BindingUpdate, 'contact' | 'params'>,
  outbound = false,
): StoredBinding | undefined {
  const instance = update.params['+sip.instance']
  const regId = outbound ? update.params['reg-id'] : undefined
  const byInstance =
    instance && bindings.find((binding) => binding.instance === instance && (binding.regId ?? '') === (regId ?? ''))
  if (byInstance) return byInstance
  const uri = parseUri(update.contact)
  return bindings.find(
    (binding) =>
      // Two flows of one instance may well have the same Contact.
      !(instance && binding.instance && regId !== binding.regId) && equalUris(parseUri(binding.contact), uri),
  )
}

/** An equal CSeq is the same request come again through another node, and is answered as before. */
const isOutOfOrder = (binding: StoredBinding, query: BindQuery): boolean =>
  binding.callId === query.callId && query.cseq < binding.cseq

function bindingOf(
  update: BindingUpdate,
  query: BindQuery,
  nowMs: number,
  { id, limits }: { id: string | undefined; limits: BindLimits },
): StoredBinding {
  const instance = update.params['+sip.instance']
  const regId = query.outbound && instance ? update.params['reg-id'] : undefined
  const seconds = grantSeconds(update.expires, query.transport, query.nat, limits)
  return {
    id: id ?? hash('sha256', instance ? `${instance} ${regId ?? ''}` : update.contact, 'hex').slice(0, 16),
    contact: update.contact,
    params: update.params,
    q: update.q,
    callId: query.callId,
    cseq: query.cseq,
    expiresAt: nowMs + seconds * 1_000,
    updatedAt: nowMs,
    edge: query.edge,
    flow: update.flow ?? query.flow,
    path: query.path,
    userAgent: query.userAgent,
    source: query.source,
    transport: query.transport,
    nat: query.nat,
    ...(instance !== undefined && { instance }),
    ...(regId !== undefined && { regId }),
  }
}

/**
 * Ids of the bindings that end with a flow. A device that has no NAT before it and no flows is reached at its Contact still.
 */
export function lostWith(bindings: readonly StoredBinding[], { edge, flow }: UnbindQuery): string[] {
  return ids(bindings.filter((one) => one.edge === edge && one.flow === flow && (one.nat || one.regId !== undefined)))
}

const ids = (bindings: readonly StoredBinding[]): string[] => bindings.map((binding) => binding.id)

function bound(bindings: readonly StoredBinding[], nowMs: number, puts: StoredBinding[], removes: string[]) {
  const contacts = bindings.map(
    ({ contact, params, q, expiresAt, instance, callId }): BoundContact => ({
      contact,
      params,
      q,
      expires: Math.max(1, Math.ceil((expiresAt - nowMs) / 1_000)),
      ...(instance !== undefined && { gruu: { instance: instanceName(instance), callId } }),
    }),
  )
  return { result: { verdict: 'bound', contacts }, puts, removes } satisfies BindOutcome
}

function refuse(status: number, reason: string, minExpires?: number): BindOutcome {
  const result: BindResult = { verdict: 'refuse', status, reason, ...(minExpires !== undefined && { minExpires }) }
  return { result, puts: [], removes: [] }
}
