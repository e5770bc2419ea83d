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
} as const

/** Ports of the service: each has a namespace of its own, and that is what tells `addAccount` of one from another's. */
export type PortName = 'Sip' | 'Voicemail' | 'Enum' | 'Dns' | 'Customer' | 'Rating' | 'Network'

export const portNamespace = (port: PortName): string => `${ns.types}:${port}`
