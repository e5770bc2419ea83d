export type {
  Destination,
  FlowToken,
  Source,
  StreamName,
  TlsCredentials,
  TransportLayer,
  TransportName,
} from './contract.ts'
export { type Flow, parseFlow, udpFlow } from './flow.ts'
export { type ListenPoint, type TransportComponents, type TransportInit, Transports } from './layer.ts'
export { defaultPort, isSecure, isStream, isWeb, transportNamed, transportOfUri } from './names.ts'
export { domainsOf, standsFor } from './peer-domains.ts'
export { replaceTopVia, responseAddress, stampVia } from './stamp.ts'
