/**
 * The data types of the interface, in one table: the reader coerces by it, the writer encodes by it, the WSDL prints it, and
 * TypeScript derives the shapes that operations handle. One more type is one more entry here, or in `arrays` below.
 */
export const structs = {
  Auth: { username: 'string', password: 'string', admin: 'boolean', impersonate: 'int' },
  Range: { start: 'int', count: 'int' },
  OrderBy: { attribute: 'string', direction: 'string' },
  SipId: { username: 'string', domain: 'string' },

  SipDomain: {
    domain: 'string',
    customer: 'int',
    reseller: 'int',
    certificate: 'string',
    private_key: 'string',
    match_ip_address: 'string',
    match_sip_domain: 'string',
    verify_cert: 'boolean',
    require_cert: 'boolean',
    changeDate: 'string',
  },
  SipDomainFilter: { domain: 'string', customer: 'int', reseller: 'int' },
  SipDomainQuery: { filter: 'SipDomainFilter', orderBy: 'OrderBy', range: 'Range' },
  SipDomainResult: { domains: 'SipDomainArray', total: 'int' },

  IPACLEntry: { ip: 'string', mask: 'int', tag: 'string' },
  SipProperty: { name: 'string', value: 'string' },
  SipAccount: {
    id: 'SipId',
    password: 'string',
    ha1: 'string',
    firstName: 'string',
    lastName: 'string',
    email: 'string',
    timezone: 'string',
    owner: 'int',
    customer: 'int',
    reseller: 'int',
    rpid: 'string',
    groups: 'StringArray',
    prepaid: 'boolean',
    quota: 'int',
    quickdialPrefix: 'string',
    timeout: 'int',
    region: 'string',
    callLimit: 'int',
    acl: 'IPACLArray',
    properties: 'SipPropertyArray',
    createDate: 'string',
    changeDate: 'string',
  },
  SipFilter: {
    username: 'string',
    domain: 'string',
    firstName: 'string',
    lastName: 'string',
    email: 'string',
    owner: 'int',
    customer: 'int',
    reseller: 'int',
    groups: 'StringArray',
  },
  SipQuery: { filter: 'SipFilter', orderBy: 'OrderBy', range: 'Range' },
  SipAccountResult: { accounts: 'SipAccountArray', total: 'int' },

  SipAlias: {
    id: 'SipId',
    target: 'SipId',
    owner: 'int',
    customer: 'int',
    reseller: 'int',
    changeDate: 'string',
  },
  AliasFilter: {
    aliasUsername: 'string',
    aliasDomain: 'string',
    targetUsername: 'string',
    targetDomain: 'string',
    owner: 'int',
    customer: 'int',
    reseller: 'int',
  },
  AliasQuery: { filter: 'AliasFilter', orderBy: 'OrderBy', range: 'Range' },
  SipAliasResult: { aliases: 'SipAliasArray', total: 'int' },

  SipDeviceLocation: {
    address: 'string',
    port: 'int',
    publicAddress: 'string',
    publicPort: 'int',
    expires: 'int',
    userAgent: 'string',
    transport: 'string',
  },
  SipDeviceLocations: { id: 'SipId', locations: 'SipDeviceLocationArray' },

  CallQuery: { fromDate: 'int', toDate: 'int', limit: 'int' },
  CallsQuery: { placed: 'CallQuery', received: 'CallQuery' },
  Call: {
    sessionId: 'string',
    fromURI: 'string',
    toURI: 'string',
    fromHeader: 'string',
    fromTag: 'string',
    toTag: 'string',
    startTime: 'int',
    stopTime: 'int',
    duration: 'int',
    status: 'int',
    price: 'string',
    proxyIP: 'string',
    applicationTypes: 'StringArray',
    destinationId: 'string',
  },
  CallsResult: { placed: 'CallArray', received: 'CallArray' },
} as const satisfies Record<string, Record<string, string>>

/** Array type → type of its items. */
export const arrays = {
  StringArray: 'string',
  SipIdArray: 'SipId',
  SipDomainArray: 'SipDomain',
  IPACLArray: 'IPACLEntry',
  SipPropertyArray: 'SipProperty',
  SipAccountArray: 'SipAccount',
  SipAliasArray: 'SipAlias',
  SipDeviceLocationArray: 'SipDeviceLocation',
  SipDeviceLocationsArray: 'SipDeviceLocations',
  CallArray: 'Call',
} as const satisfies Record<string, ScalarName | StructName>

/** Elements that the schema does not let be nil: what a record is known by. */
export const identifiers: ReadonlySet<string> = new Set([
  'Auth.username',
  'Auth.password',
  'SipId.username',
  'SipId.domain',
  'SipDomain.domain',
  'SipAccount.id',
  'SipAlias.id',
])

export type ScalarName = 'string' | 'int' | 'boolean' | 'float'
export type StructName = keyof typeof structs
export type ArrayName = keyof typeof arrays
export type TypeName = ScalarName | StructName | ArrayName

/** What a value of a type is in TypeScript. Members may be absent: nil is the same as absent. */
export type Value<T> = T extends 'string'
  ? string
  : T extends 'int' | 'float'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends StructName
        ? { [F in keyof (typeof structs)[T]]?: Value<(typeof structs)[T][F]> }
        : T extends ArrayName
          ? Value<(typeof arrays)[T]>[]
          : never

/** A value whose type is known only while the program runs. */
export type SoapValue = string | number | boolean | undefined | SoapValue[] | { [member: string]: SoapValue }

export const isStruct = (type: TypeName): type is StructName => Object.hasOwn(structs, type)
export const isArray = (type: TypeName): type is ArrayName => Object.hasOwn(arrays, type)

/** Members of a struct in the order of the schema. */
export function membersOf(type: StructName): [member: string, type: TypeName][] {
  return Object.entries(structs[type]) as [string, TypeName][]
}
