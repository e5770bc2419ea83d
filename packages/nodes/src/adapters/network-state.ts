import { type CallOpened, type CallRecord, readOpened } from '@thor-node/accounting'
import { type Address, type Clock, formatAddress, rangeOf, splitAor } from '@thor-node/core'
import type { SessionStats, StreamStats } from '@thor-node/media'
import type { Member } from '@thor-node/overlay'
import type { AccountDirectory, NetworkState } from '@thor-node/provision'
import type { CallHistory } from './call-history.ts'
import { openedKey, rangeOfCall } from './call-keys.ts'
import type { RingAccess } from './ring-access.ts'

const ANSWER_MS = 1_000
/** Relayed calls of one node that are told; there may be more. */
const SESSIONS_MAX = 1_000

/** What one node counts: of the ranges that it is home of, and of its relay. */
interface NodeCounts {
  /** By domain. */
  onlineAccounts: Record<string, number>
  onlineDevices: Record<string, number>
  sessions: number
  streams: Record<string, number>
}

type Counts = Record<string, Record<string, Record<string, number>>>

/** The nodes as portals see them: each is asked, as far as it answers within a second. */
export class NetworkStateAdapter implements NetworkState {
  readonly #ring: RingAccess
  readonly #history: CallHistory
  readonly #directory: Pick<AccountDirectory, 'accounts'>
  readonly #clock: Clock
  readonly #sessions: () => SessionStats[]

  constructor(components: {
    ring: RingAccess
    history: CallHistory
    directory: Pick<AccountDirectory, 'accounts'>
    clock: Clock
    /** Of the relay of this node. */
    sessions: () => SessionStats[]
  }) {
    this.#ring = components.ring
    this.#history = components.history
    this.#directory = components.directory
    this.#clock = components.clock
    this.#sessions = components.sessions
    const { rpc } = this.#ring
    rpc.serve<null, NodeCounts>('node.traffic', () => this.#ownCounts())
    rpc.serve<null, SessionStats[]>('node.sessions', () => this.#sessions().slice(0, SESSIONS_MAX))
  }

  async status(): ReturnType<NetworkState['status']> {
    const entries = this.#live().map((member): [string, Awaited<ReturnType<NetworkState['status']>>[string]] => {
      const { nodeId, name, services, version, roles, state, serving, zone } = member
      return [nodeId, { ip: services.host, version, roles: [...roles, 'thor_manager'], name, state, serving, zone }]
    })
    return Object.fromEntries(entries)
  }

  async statistics(): Promise<Record<string, Counts>> {
    const totals = await this.#accountsByHome()
    const out: Record<string, Counts> = {}
    const sum: Counts = {}
    for (const [member, counts] of await this.#ask<NodeCounts>('node.traffic')) {
      const sections: Counts = {
        sip_proxy: {
          online_accounts: counts.onlineAccounts,
          total_accounts: totals.get(member.nodeId) ?? {},
          online_devices: counts.onlineDevices,
        },
        media_relay: { sessions: { total: counts.sessions }, streams: counts.streams },
      }
      out[member.services.host] = sections
      add(sum, sections)
    }
    return { ...out, summary: sum }
  }

  async mediaSummary(): Promise<Record<string, unknown>[]> {
    const now = this.#clock.wall()
    const asked = await this.#ask<NodeCounts>('node.traffic')
    return asked
      .filter(([member]) => member.roles.includes('media_relay'))
      .map(([{ services, version, serving, startedAt }, { sessions, streams }]) => ({
        ip: services.host,
        version,
        status: serving ? 'active' : 'halting',
        uptime: Math.max(0, Math.round((now - startedAt) / 1_000)),
        session_count: sessions,
        stream_count: streams,
      }))
  }

  async mediaSessions(): Promise<Record<string, unknown>[]> {
    const asked = await this.#ask<SessionStats[]>('node.sessions')
    const all = asked.flatMap(([member, sessions]) => sessions.map((stats) => ({ stats, relay: member.services.host })))
    return Promise.all(
      all.map(async ({ stats, relay }) => {
        const now = this.#clock.wall()
        return { relay, ...sessionView(await this.#openedOf(stats.callUuid), stats, now) }
      }),
    )
  }

  async mediaTrace({ callId, fromTag, toTag }: Parameters<NetworkState['mediaTrace']>[0]) {
    // What is over is in the records; what goes on is at its relay too, with more to tell.
    const found = (await this.#history.ofRing()).find(
      (call) => call.callId === callId && (!fromTag || call.fromTag === fromTag) && (!toTag || call.toTag === toTag),
    )
    if (!found) return undefined
    if (found.stoppedAt !== undefined) return traceOf(found)
    for (const [, sessions] of await this.#ask<SessionStats[]>('node.sessions')) {
      const stats = sessions.find(({ callUuid }) => callUuid === found.callUuid)
      if (stats) return sessionView(found, stats, this.#clock.wall())
    }
    return traceOf(found)
  }

  #live(): Member[] {
    const { members } = this.#ring
    return members.list().filter(({ nodeId }) => members.isLive(nodeId))
  }

  async #ask<A>(method: string): Promise<[Member, A][]> {
    const answers = await Promise.all(
      this.#live().map(async (member): Promise<[Member, A][]> => {
        try {
          return [[member, await this.#ring.rpc.call<A>(member.nodeId, method, null, { timeoutMs: ANSWER_MS })]]
        } catch {
          return []
        }
      }),
    )
    return answers.flat()
  }

  #ownCounts(): NodeCounts {
    const { store, ranges } = this.#ring
    const onlineAccounts: Record<string, number> = {}
    const onlineDevices: Record<string, number> = {}
    for (const { key, entries } of store.soft.local('loc/')) {
      if (!ranges.isHome(key.range) || entries.length === 0) continue
      const domain = splitAor(key.name.slice('loc/'.length))?.domain ?? ''
      onlineAccounts[domain] = (onlineAccounts[domain] ?? 0) + 1
      onlineDevices[domain] = (onlineDevices[domain] ?? 0) + entries.length
    }
    const sessions = this.#sessions()
    const streams: Record<string, number> = {}
    for (const { mediaType } of sessions.flatMap((session) => session.streams)) {
      streams[mediaType] = (streams[mediaType] ?? 0) + 1
    }
    return { onlineAccounts, onlineDevices, sessions: sessions.length, streams }
  }

  /** Accounts by the home of their range and by domain, so that each is counted once. */
  async #accountsByHome(): Promise<Map<string, Record<string, number>>> {
    const out = new Map<string, Record<string, number>>()
    for (const { aor } of await this.#directory.accounts()) {
      const home = this.#ring.ranges.homeOf(rangeOf(aor)) ?? this.#ring.self
      const counts = out.get(home) ?? {}
      const domain = splitAor(aor)?.domain ?? ''
      counts[domain] = (counts[domain] ?? 0) + 1
      out.set(home, counts)
    }
    return out
  }

  async #openedOf(callUuid: string): Promise<CallOpened | undefined> {
    if (rangeOfCall(callUuid) === undefined) return undefined
    try {
      return readOpened(await this.#ring.store.set.get(openedKey(callUuid)))
    } catch {
      // A call that rings has no record yet, and one that cannot be read has nothing to tell.
      return undefined
    }
  }
}

function add(into: Counts, more: Counts): void {
  for (const [role, sections] of Object.entries(more)) {
    for (const [section, domains] of Object.entries(sections)) {
      for (const [domain, count] of Object.entries(domains)) {
        const summed = into[role] ?? {}
        const counts = summed[section] ?? {}
        counts[domain] = (counts[domain] ?? 0) + count
        summed[section] = counts
        into[role] = summed
      }
    }
  }
}

const parties = (call: CallOpened | undefined) => ({
  call_id: call?.callId ?? null,
  from_tag: call?.fromTag ?? null,
  to_tag: call?.toTag ?? null,
  from_uri: call?.caller ?? null,
  to_uri: call?.callee ?? null,
  caller_ua: call?.callerUserAgent || 'Unknown',
  callee_ua: call?.calleeUserAgent || 'Unknown',
})

function sessionView(call: CallOpened | undefined, stats: SessionStats, now: number): Record<string, unknown> {
  return {
    ...parties(call),
    start_time: Math.floor((call?.startedAt ?? now - stats.durationMs) / 1_000),
    duration: Math.round(stats.durationMs / 1_000),
    username: null,
    streams: stats.streams.map(streamView),
  }
}

const text = (address: Address | undefined): string => (address ? formatAddress(address) : 'Unknown')

const streamView = (stream: StreamStats): Record<string, unknown> => ({
  media_type: stream.mediaType,
  status: stream.status,
  caller_codec: stream.callerCodec,
  callee_codec: stream.calleeCodec,
  caller_bytes: stream.callerBytes,
  callee_bytes: stream.calleeBytes,
  caller_packets: stream.callerPackets,
  callee_packets: stream.calleePackets,
  caller_local: text(stream.callerLocal),
  callee_local: text(stream.calleeLocal),
  caller_remote: text(stream.callerRemote),
  callee_remote: text(stream.calleeRemote),
})

/** Of a call that is over: its streams are summed up in its record. */
function traceOf(call: CallRecord): Record<string, unknown> {
  const [codec = 'Unknown'] = call.codecs
  const stream = {
    media_type: 'audio',
    status: call.cause === 'media-timeout' ? 'no-traffic timeout' : 'closed',
    caller_codec: codec,
    callee_codec: codec,
    start_time: 0,
    end_time: call.durationSeconds ?? 0,
    caller_bytes: call.callerBytes,
    callee_bytes: call.calleeBytes,
    caller_packets: call.callerPackets,
    callee_packets: call.calleePackets,
  }
  return {
    ...parties(call),
    start_time: Math.floor(call.startedAt / 1_000),
    duration: call.durationSeconds ?? 0,
    username: null,
    streams: [stream],
  }
}
