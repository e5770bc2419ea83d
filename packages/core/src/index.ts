/**
 * The floor: what every other package stands on. No domain, imports nothing of ours.
 *
 * @module
 */
export { type Aor, makeAor, recordKey, splitAor } from './aor.ts'
export { type CertificateInit, der, makeCertificate, toPem } from './certificate.ts'
export { type Clock, ENOUGH, every, inTime, sleep, systemClock, type Timer } from './clock.ts'
export {
  computeHa1,
  type DigestAlgorithm,
  type DigestChallenge,
  type DigestCredentials,
  type DigestInput,
  digestAlgorithm,
  digestResponse,
  entityHash,
  equalDigests,
  formatChallenge,
  formatCredentials,
  parseChallenge,
  parseCredentials,
} from './digest.ts'
export type { Disk, DiskOperation, DiskRange, DiskSpace } from './disk.ts'
export { errorCode, errorMessage, ThorError } from './errors.ts'
export { type Lifecycle, startAll, stopAll } from './lifecycle.ts'
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export { makeRoom } from './make-room.ts'
export type { Counter, Metrics } from './metrics.ts'
export {
  type Address,
  type ConnectOptions,
  formatAddress,
  type ListenOptions,
  type Net,
  systemNet,
  type TcpConnection,
  type TcpListener,
  type UdpListener,
  type UdpOptions,
  type UdpSocket,
} from './net.ts'
export { bindError } from './net-error.ts'
export { alsoOverTls } from './net-http.ts'
export { loopRests } from './net-rest.ts'
export {
  type TlsClientInit,
  type TlsContext,
  type TlsFiles,
  type TlsPeer,
  type TlsServerInit,
  tlsContext,
} from './net-tls.ts'
export type { WebInit } from './net-web.ts'
export { type Random, randomHex, shuffled, systemRandom } from './random.ts'
export { RANGE_COUNT, type RangeId, rangeOf } from './range.ts'
export type {
  Decision,
  KeyChange,
  OperationOptions,
  RecordKey,
  RecordStore,
  RegStore,
  SetStore,
  SoftEntry,
  SoftStore,
  Versioned,
} from './record-store.ts'
export { deriveKey, Sealer, shortMac } from './sealer.ts'
export { Slices } from './slices.ts'
export { compareUtf8, prefixEnd, SortedMap } from './sorted-map.ts'
export { type SurelyInit, surely } from './surely.ts'
export { TimerQueue, type TimerQueueInit } from './timer-queue.ts'
export { Turns } from './turns.ts'
export {
  attributeOf,
  childElements,
  childNamed,
  namespaceOf,
  parseXml,
  textOf,
  type XmlAttribute,
  type XmlElement,
  type XmlLimits,
  xmlLimits,
} from './xml.ts'
export { escapeAttribute, escapeText, serializeXml, type XmlAttributes, XmlWriter } from './xml-writer.ts'
