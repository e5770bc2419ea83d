/** Zones over TCP: whole (RFC 5936), or what changed (RFC 1995). */

import { TRANSFER_MESSAGE_BYTES } from '../limits.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { noRecords, writeAnswer } from '../wire/message.ts'
import { nameToWire } from '../wire/names.ts'
import type { Query } from '../wire/query.ts'
import type { DnsRecord } from '../wire/rdata.ts'
import { MessageWriter } from '../wire/writer.ts'
import { type Delta, serialOf } from '../zone/journal.ts'
import type { Zone } from '../zone/tree.ts'

function* withSoas(zone: Zone, soa: DnsRecord): Iterable<DnsRecord> {
  yield soa
  yield* zone.records?.() ?? []
  yield soa
}

/** RFC 1995 §4: for each step the old SOA and what goes, the new SOA and what comes; the latest SOA around all of it. */
function* steps(deltas: readonly Delta[], soa: DnsRecord): Iterable<DnsRecord> {
  yield soa
  for (const { from, to, gone, added } of deltas) {
    yield from
    yield* gone
    yield to
    yield* added
  }
  yield soa
}

/** What to tell who has a serial: that it is the latest, the steps from there, or everything. */
function recordsFor({ has }: Query, zone: Zone, since: (serial: number) => readonly Delta[] | undefined) {
  const { soa } = zone
  if (has === undefined) return withSoas(zone, soa)
  // RFC 1995 §2, serials by RFC 1982 §3.2.
  if (((serialOf(soa) - has) | 0) <= 0) return [soa]
  const deltas = since(has)
  return deltas ? steps(deltas, soa) : withSoas(zone, soa)
}

/** The messages of a transfer, one after the other as they are taken; SOA first and last. `since`: steps from a serial, as far as known. */
export function* transferMessages(
  query: Query,
  zone: Zone,
  since: (serial: number) => readonly Delta[] | undefined = () => undefined,
): Iterable<Buffer> {
  let writer: MessageWriter | undefined
  let count = 0
  const finished = (): Buffer => {
    const bytes = (writer as MessageWriter).toBuffer()
    bytes.writeUInt16BE(count, 6)
    return bytes
  }
  for (const record of recordsFor(query, zone, since)) {
    if (!writer) {
      writer = begin(query)
      count = 0
    }
    writer.record(nameToWire(record.name), record)
    count++
    if (writer.length >= TRANSFER_MESSAGE_BYTES) {
      yield finished()
      writer = undefined
    }
  }
  if (writer) yield finished()
}

function begin({ id, question }: Query): MessageWriter {
  const writer = new MessageWriter(TRANSFER_MESSAGE_BYTES + 1_024)
  for (const value of [id, 0x8400, 1, 0, 0, 0]) writer.u16(value)
  const { raw } = question as { raw: Buffer }
  writer.append(raw)
  writer.remember(raw.subarray(0, -4), 12)
  return writer
}

export const isTransfer = ({ question, refusal }: Query): boolean =>
  refusal === undefined && (question?.type === TYPE.AXFR || question?.type === TYPE.IXFR)

/** IXFR over UDP: how far the zone is; who has less comes over TCP (RFC 1995 §2). */
export const latestSoa = (query: Query, zone: Zone): Buffer =>
  writeAnswer(query, { ...noRecords(RCODE.NOERROR, true), answers: [zone.soa] }, 512)
