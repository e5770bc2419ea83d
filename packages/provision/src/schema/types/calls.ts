import { field, key, type Member, read } from '../member.ts'

/** Calls, devices, money, and what an account wants done with its calls. */
export const structs = {
  SipDeviceLocation: {
    address: 'string',
    port: 'int',
    publicAddress: 'string',
    publicPort: 'int',
    expires: field('int', 'seconds left'),
    userAgent: 'string',
    transport: 'string',
  },
  SipDeviceLocations: { id: 'SipId', locations: 'SipDeviceLocationArray' },

  CallQuery: { fromDate: field('int', 'Unix time'), toDate: field('int', 'Unix time'), limit: 'int' },
  CallsQuery: { placed: 'CallQuery', received: 'CallQuery' },
  Call: {
    sessionId: 'string',
    fromURI: 'string',
    toURI: 'string',
    fromHeader: 'string',
    fromTag: 'string',
    toTag: 'string',
    startTime: field('int', 'Unix time'),
    stopTime: field('int', 'Unix time; absent while the call goes on'),
    duration: field('int', 'seconds'),
    status: field('int', 'SIP status'),
    price: 'string',
    proxyIP: 'string',
    applicationTypes: 'StringArray',
    destinationId: 'string',
    enumId: field('EnumId', 'the number and tree by which ENUM led the call; absent where it did not'),
  },
  CallsResult: { placed: 'CallArray', received: 'CallArray' },
  CallStatistics: {
    calls: field('int', 'how many'),
    duration: field('int', 'seconds, all together'),
    firstCall: field('int', 'Unix time of the earliest'),
    lastCall: field('int', 'Unix time of the latest'),
    price: field('float', 'of those that have a price'),
  },
  CallStatisticsResult: { placed: 'CallStatistics', received: 'CallStatistics' },

  CallDiversions: {
    FUNC: field('string', 'always: sip:user@domain, or <voice-mailbox>'),
    FNOL: field('string', 'when no device is online'),
    FBUS: field('string', 'when busy'),
    FNOA: field('string', 'when nobody answers'),
    FUNV: field('string', 'when unavailable, such as refused by the accept rules'),
  },
  AcceptRule: {
    days: field('int', 'Monday 1, Tuesday 2, Wednesday 4 … Sunday 64, added up'),
    start: field('string', 'HH:MM'),
    stop: field('string', 'HH:MM'),
    groups: field('StringArray', 'groups of the phone book, or everybody, or nobody'),
  },
  TemporaryAcceptRule: { groups: 'StringArray', duration: field('int', 'minutes; in answers what is left of them') },
  AcceptRules: { persistent: 'AcceptRuleArray', temporary: 'TemporaryAcceptRule' },
  AcceptRulesResult: { rules: 'AcceptRules', nonEmptyGroups: 'StringArray' },

  PhonebookEntry: {
    uri: field('string', 'sip:user@domain: what an entry is known by'),
    name: 'string',
    firstName: 'string',
    lastName: 'string',
    group: field('string', 'vip, business, coworkers, friends, family, or none'),
  },
  PhonebookResult: { entries: 'PhonebookEntryArray', total: 'int' },

  BalanceChange: { old_balance: 'float', new_balance: 'float' },
  PrepaidCard: { id: field('int', 'printed on the card'), number: key('string', 'the secret of the card') },
  PrepaidAccount: {
    account: 'SipId',
    balance: 'float',
    callsInProgress: read('int', 'calls that hold money now'),
  },
  CreditHistoryEntry: {
    date: field('string', 'YYYY-MM-DD HH:MM:SS, UTC'),
    action: 'string',
    description: 'string',
    value: 'float',
    balance: field('float', 'after it'),
  },
  CreditHistoryResult: { entries: field('CreditHistoryEntryArray', 'the latest first') },

  SipTraceFilter: { nodeIp: 'string', callId: 'string', fromTag: 'string', toTag: 'string' },
  MediaTraceFilter: { nodeIp: 'string', callId: 'string', fromTag: 'string', toTag: 'string' },
} as const satisfies Record<string, Record<string, Member>>

export const arrays = {
  SipDeviceLocationArray: 'SipDeviceLocation',
  SipDeviceLocationsArray: 'SipDeviceLocations',
  CallArray: 'Call',
  AcceptRuleArray: 'AcceptRule',
  PhonebookEntryArray: 'PhonebookEntry',
  PrepaidAccountArray: 'PrepaidAccount',
  CreditHistoryEntryArray: 'CreditHistoryEntry',
} as const
