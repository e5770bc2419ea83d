import { field, key, type Member, oneOf } from '../member.ts'

/** What more than one port uses. */
export const structs = {
  Auth: {
    username: key('string', 'an administrator, or a login account of a customer, or user@domain of a SIP account'),
    password: key('string'),
    admin: field('boolean', 'true: an administrator; false: a login account or a SIP account'),
    impersonate: field('int', 'the customer or reseller whose rights apply; 0: all rights of the administrator'),
  },
  Range: { start: field('int', 'how many to leave out, 0 by default'), count: field('int', 'at most so many') },
  OrderBy: { attribute: 'string', direction: oneOf(['ASC', 'DESC'], 'ascending or descending') },
  SipId: { username: key('string', 'the part before the @'), domain: key('string', 'the part after it') },
} as const satisfies Record<string, Record<string, Member>>

export const arrays = { StringArray: 'string', SipIdArray: 'SipId' } as const
