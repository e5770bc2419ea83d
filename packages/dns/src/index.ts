/**
 * Everything about DNS: octets of messages, zones, the server, ENUM numbers, and the DDDS client that reads them. Knows neither
 * rings nor SIP: records are kept in the `RecordStore` of `core`, nodes come in as zones.
 *
 * @module
 */

export { EnumClient } from './ddds/enum-client.ts'
export type { EnumTarget } from './ddds/rules.ts'
export { type StubComponents, StubResolver } from './ddds/stub.ts'
export { packBlock } from './enum/block.ts'
export type {
  Actor,
  EnumMapping,
  EnumNumber,
  EnumRange,
  MappingInput,
  NumberId,
  NumberInput,
  RangeId,
  RangeInput,
  StoredNumber,
} from './enum/contract.ts'
export { adding as addingNumber, EnumDirectory } from './enum/directory.ts'
export { FastEnum } from './enum/fast.ts'
export { EnumIndex } from './enum/index-of-numbers.ts'
export { digitsOf, enumName } from './enum/number.ts'
export { type BlockChange, type NumberChange, numbersChange } from './enum/number-change.ts'
export type { NumberQuery, RangeQuery } from './enum/queries.ts'
export { ENUM_SERVICES, type EnumService, enumService } from './enum/services.ts'
export { EnumZones } from './enum/zones.ts'
export type { DnsCode } from './errors.ts'
export {
  FANCY_TYPES,
  type FancyRecord,
  type RecordInput,
  type StoredZone,
  type ZoneFields,
  type ZoneInput,
  type ZoneRecord,
} from './records/contract.ts'
export { type InZone, type RecordQuery, ZoneDirectory, type ZoneQuery } from './records/directory.ts'
export type { ChangeOptions } from './records/registers.ts'
export { ServedRecords } from './records/served.ts'
export { Notifier } from './server/notify.ts'
export { DnsServer, type DnsServerComponents, type DnsServerInit, type FastAnswers } from './server/server.ts'
export { RCODE, TYPE } from './wire/codes.ts'
export type { Sections } from './wire/message.ts'
export { canonicalName, isWithin, nameToWire, parentOf as parentName } from './wire/names.ts'
export { addressData, type DnsRecord, formatRecord, parseRdata } from './wire/rdata.ts'
export { wordsOf } from './wire/text.ts'
export { answerQuestion } from './zone/answer.ts'
export { readZoneFile, writeZoneFile } from './zone/master-file.ts'
export { type Found, type Zone, ZoneTree } from './zone/tree.ts'
export { joined, ZoneMap, type ZoneSource } from './zone/zones.ts'
