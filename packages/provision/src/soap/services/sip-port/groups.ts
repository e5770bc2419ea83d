import { operation, required } from '../../operation.ts'
import { ownedAddress } from '../scope.ts'

export const addToGroup = operation({
  port: 'Sip',
  name: 'addToGroup',
  input: { sipId: 'SipId', group: 'string' },
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.addToGroup(aor, required(args.group, 'group'))
  },
})

export const removeFromGroup = operation({
  port: 'Sip',
  name: 'removeFromGroup',
  input: { sipId: 'SipId', group: 'string' },
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.removeFromGroup(aor, required(args.group, 'group'))
  },
})

export const getGroups = operation({
  port: 'Sip',
  name: 'getGroups',
  input: { sipId: 'SipId' },
  output: 'StringArray',
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    return context.directory.groups(aor)
  },
})
