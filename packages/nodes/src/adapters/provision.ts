import { type CallRecord, selectCalls } from '@thor-node/accounting'
import { type Aor, type Clock, recordKey, type SoftStore } from '@thor-node/core'
import type { Members } from '@thor-node/overlay'
import type { CallHistory, CallHistoryQuery, DeviceLocation, DeviceLocations } from '@thor-node/provision'
import { parseUri, type StoredBinding } from '@thor-node/sip'
import type { CallHistory as RingCallHistory } from './call-history.ts'
import { messagesKey } from './kept-messages.ts'

/** Registered devices, as SOAP shows them. */
export class DeviceLocationsAdapter implements DeviceLocations {
  readonly #soft: SoftStore
  readonly #clock: Clock

  constructor(components: { soft: SoftStore; clock: Clock }) {
    this.#soft = components.soft
    this.#clock = components.clock
  }

  async locations(aor: Aor): Promise<DeviceLocation[]> {
    const entries = await this.#soft.read<StoredBinding>(recordKey('loc', aor))
    const now = this.#clock.wall()
    return entries.filter(({ body }) => body.expiresAt > now).map(({ body }) => locationOf(body, now))
  }
}

/** Ends all registrations of an address, and drops what was kept for it. */
export async function forgetDevices(soft: SoftStore, aor: Aor): Promise<void> {
  for (const key of [recordKey('loc', aor), messagesKey(aor)]) {
    await Promise.all((await soft.read(key)).map(({ sub }) => soft.remove(key, sub)))
  }
}

const transports = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const

function locationOf(binding: StoredBinding, nowMs: number): DeviceLocation {
  const { host, port } = parseUri(binding.contact)
  const transport = transports.find((name) => name === binding.transport.toLowerCase()) ?? 'udp'
  return {
    address: host,
    port: port ?? 5060,
    publicAddress: binding.source.host,
    publicPort: binding.source.port,
    expiresSeconds: Math.ceil((binding.expiresAt - nowMs) / 1_000),
    userAgent: binding.userAgent,
    transport,
  }
}

/** An account's calls, as SOAP shows them: the node by its address, by its name when it has left the ring. */
export class CallHistoryAdapter implements CallHistory {
  readonly #history: RingCallHistory
  readonly #members: Pick<Members, 'list'>

  constructor(components: { history: RingCallHistory; members: Pick<Members, 'list'> }) {
    this.#history = components.history
    this.#members = components.members
  }

  async calls(aor: Aor, { direction, from, to, limit }: CallHistoryQuery): Promise<CallRecord[]> {
    const records = await this.#history.ofAccount(aor, direction)
    const selected = selectCalls(records, {
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      limit,
    })
    const hosts = new Map(this.#members.list().map(({ name, services }) => [name, services.host]))
    return selected.map((call) => ({ ...call, node: hosts.get(call.node) ?? call.node }))
  }
}
