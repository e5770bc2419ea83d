import { operation, required } from '../../schema/operation.ts'
import { ownedAccount, ownedAddress } from '../scope.ts'

export const addToGroup = operation({
  port: 'Sip',
  name: 'addToGroup',
  doc: 'Gives an account a right or a mark: puts it in a group.',
  rest: 'PUT /sip/accounts/{sipId}/groups/{group}',
  input: { sipId: 'SipId', group: 'string' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_GROUP_MEMBER'],
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.addToGroup(aor, required(args.group, 'group'))
  },
})

export const removeFromGroup = operation({
  port: 'Sip',
  name: 'removeFromGroup',
  doc: 'Takes an account out of a group.',
  rest: 'DELETE /sip/accounts/{sipId}/groups/{group}',
  input: { sipId: 'SipId', group: 'string' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_GROUP_NOT_MEMBER'],
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.removeFromGroup(aor, required(args.group, 'group'))
  },
})

export const getGroups = operation({
  port: 'Sip',
  name: 'getGroups',
  doc: 'Lists the groups of an account.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/groups',
  input: { sipId: 'SipId' },
  output: 'StringArray',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    return (await ownedAccount(context, args.sipId, 'sipId')).account.body.groups
  },
})
