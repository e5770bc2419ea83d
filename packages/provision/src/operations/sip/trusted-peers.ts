import { checkMembers, needMembers } from '../../records/rules.ts'
import { blankPeer, peerRules } from '../../records/trunks.ts'
import { operation, required } from '../../schema/operation.ts'
import { rowOf, runQuery } from '../queries.ts'
import { assertKept, dated, ownedRecord, ownedRecords, ownersOfNew } from '../scope.ts'

export const addTrustedPeer = operation({
  port: 'Sip',
  name: 'addTrustedPeer',
  doc: 'Adds a trusted peer: a gateway or service whose calls need no digest.',
  rest: 'POST /sip/trusted-peers',
  input: { peer: 'TrustedPeer' },
  faults: ['PROVISION_PEER_EXISTS'],
  async run(context, args) {
    const wire = checkMembers('TrustedPeer', required(args.peer, 'peer'), peerRules)
    needMembers(wire, ['ip'])
    const owners = ownersOfNew(context, wire)
    await context.records.trunks.peers.add(wire.ip as string, { ...blankPeer, ...wire, ...owners })
  },
})

export const updateTrustedPeer = operation({
  port: 'Sip',
  name: 'updateTrustedPeer',
  doc: 'Changes the members that are given.',
  rest: 'PATCH /sip/trusted-peers/{peer.ip}',
  guarded: true,
  input: { peer: 'TrustedPeer' },
  faults: ['PROVISION_PEER_UNKNOWN'],
  async run(context, args) {
    const { peers } = context.records.trunks
    const wire = checkMembers('TrustedPeer', required(args.peer, 'peer'), peerRules)
    needMembers(wire, ['ip'])
    assertKept(context, { ...(await ownedRecord(context, peers, wire.ip as string)), ...wire })
    await peers.change(wire.ip as string, (record) => ({ ...record, ...wire }), context.request.etag)
  },
})

export const deleteTrustedPeer = operation({
  port: 'Sip',
  name: 'deleteTrustedPeer',
  doc: 'Deletes a trusted peer.',
  rest: 'DELETE /sip/trusted-peers/{ip}',
  guarded: true,
  input: { ip: 'string' },
  faults: ['PROVISION_PEER_UNKNOWN'],
  async run(context, args) {
    const { peers } = context.records.trunks
    const ip = required(args.ip, 'ip').toLowerCase()
    await ownedRecord(context, peers, ip)
    await peers.remove(ip, context.request.etag)
  },
})

export const getTrustedPeers = operation({
  port: 'Sip',
  name: 'getTrustedPeers',
  doc: 'Lists trusted peers.',
  rest: 'GET /sip/trusted-peers',
  input: { query: 'TrustedPeerQuery' },
  output: 'TrustedPeerResult',
  async run(context, args) {
    const records = await ownedRecords(context, context.records.trunks.peers)
    const rows = records.map((record) => rowOf(dated(record), record.changedAt))
    const { values, total } = runQuery(rows, args.query, { attribute: 'description', direction: 'ASC' })
    return { peers: values, total }
  },
})
