import type { PortName } from '../schema/operation.ts'

/** Namespaces of SOAP 1.1, WSDL 1.1 and XML Schema, and our own. */
export const ns = {
  envelope: 'http://schemas.xmlsoap.org/soap/envelope/',
  envelope12: 'http://www.w3.org/2003/05/soap-envelope',
  encoding: 'http://schemas.xmlsoap.org/soap/encoding/',
  xsd: 'http://www.w3.org/2001/XMLSchema',
  xsi: 'http://www.w3.org/2001/XMLSchema-instance',
  wsdl: 'http://schemas.xmlsoap.org/wsdl/',
  wsdlSoap: 'http://schemas.xmlsoap.org/wsdl/soap/',
  http: 'http://schemas.xmlsoap.org/soap/http',
  /** All data types. */
  types: 'urn:AGProjects:NGNPro',
  /** Of the presence port, which was a product of its own. */
  presence: 'urn:AGProjects:SoapSIMPLEProxy',
} as const

/** Each port has a namespace of its own, and that is what tells `addAccount` of one from another's. */
export const portNamespace = (port: PortName): string => `${port === 'Presence' ? ns.presence : ns.types}:${port}`
