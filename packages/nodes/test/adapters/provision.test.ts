import { type CallRecord, composeCalls } from '@thor-node/accounting'
import type { Member } from '@thor-node/overlay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallHistory } from '../../src/adapters/call-history.ts'
import { CallHistoryAdapter } from '../../src/adapters/provision.ts'

const provision = suite('nodes: what SOAP shows')

const call = (callUuid: string, node: string): CallRecord[] =>
  composeCalls(
    [
      {
        callUuid,
        leg: 'a',
        callId: callUuid,
        fromTag: 'a',
        toTag: 'b',
        billedTo: 'alice@thor.local',
        caller: 'alice@thor.local',
        callee: 'bob@thor.local',
        requestUri: 'sip:bob@thor.local',
        startedAt: 0,
        callerUserAgent: '',
        calleeUserAgent: '',
        codecs: [],
        node,
      },
    ],
    [],
  )

provision('a call names its node by address, one that has left by its name', async () => {
  const records = [...call('001-a', 'n1'), ...call('001-b', 'n9')]
  const history = { ofAccount: async () => records } as unknown as CallHistory
  const member = { name: 'n1', services: { host: '192.0.2.1' } } as Member
  const adapter = new CallHistoryAdapter({ history, members: { list: () => [member] } })
  const calls = await adapter.calls('alice@thor.local', { direction: 'placed', limit: 10 })
  assert.equal(calls.map(({ callUuid, node }) => [callUuid, node]).sort(), [
    ['001-a', '192.0.2.1'],
    ['001-b', 'n9'],
  ])
})

provision.run()
