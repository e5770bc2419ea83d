/**
 * What operators configure, and the SOAP interface (NGNPro) that they configure it with. Knows neither rings nor SIP: what it
 * needs of them is in `delegates.ts`.
 *
 * @module
 */

export { type AdminRecord, Admins, type AdminsInit } from './accounts/admins.ts'
export { type AttemptNews, Attempts } from './accounts/attempts.ts'
export type {
  AccountRecord,
  AddressRecord,
  AliasRecord,
  Credentials,
  DomainRecord,
} from './accounts/contract.ts'
export { makeCredentials, openCredentials, passwordMatches, sealCredentials } from './accounts/credentials.ts'
export { AccountDirectory, type DirectoryComponents, type DirectoryInit } from './accounts/directory.ts'
export { openPrivateKey } from './accounts/domains.ts'
export {
  type AccountFields,
  type AccountInput,
  type AliasInput,
  AUTOINCREMENT,
  type ChangeOptions,
  type DomainFields,
  type DomainInput,
} from './accounts/input.ts'
export { KeptCopies } from './accounts/kept-copies.ts'
export { type AccountView, type AliasView, accountView, aliasView } from './accounts/view.ts'
export { Audit, type AuditLine } from './audit/audit.ts'
export type {
  CallHistory,
  CallHistoryQuery,
  DeviceLocation,
  DeviceLocations,
  NetworkState,
  RunningTrace,
  SipTraces,
  TracedSip,
} from './delegates.ts'
export type { ProvisionCode } from './errors.ts'
export { type ProvisionComponents, type ProvisionInit, ProvisionServer } from './http/server.ts'
export { operations } from './operations/index.ts'
export { Provisioning, type ProvisioningComponents, type ProvisioningInit } from './provisioning.ts'
export type { EmergencyRow } from './records/emergency.ts'
export { openApi } from './rest/openapi.ts'
export { JsonReader } from './rest/read.ts'
export { typeText, writeReference } from './rest/reference.ts'
export { adminCaller } from './schema/caller.ts'
export { membersOf, type SchemaValue } from './schema/types.ts'
export { type SoapAnswer, type SoapComponents, SoapService } from './soap/service.ts'
export { writeWsdl } from './soap/wsdl.ts'
