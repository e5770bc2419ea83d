/** A whole zone over TCP (RFC 5936). */

import { TRANSFER_MESSAGE_BYTES } from '../limits.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { noRecords, writeAnswer } from '../wire/message.ts'
import { nameToWire } from '../wire/names.ts'
import type { Query } from '../wire/query.ts'
import type { DnsRecord } from '../wire/rdata.ts'
import { MessageWriter } from '../wire/writer.ts'
import type { Zone } from '../zone/tree.ts'

function* withSoas(zone: Zone, soa: DnsRecord): Iterable<DnsRecord> {
  yield soa
  yield* zone.records?.() ?? []
  yield soa
}

/** The messages of a transfer, one after the other as they are taken; SOA first and last. */
export function* transferMessages(query: Query, zone: Zone): Iterable<Buffer> {
  let writer: MessageWriter | undefined
  let count = 0
  const finished = (): Buffer => {
    const bytes = (writer as MessageWriter).toBuffer()
    bytes.writeUInt16BE(count, 6)
    return bytes
  }
  for (const record of withSoas(zone, zone.soa)) {
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
