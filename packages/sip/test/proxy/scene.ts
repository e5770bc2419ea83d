/** What most tests of the whole stack begin with. */
import type { Address } from '@thor-node/core'
import { House } from './house.ts'
import { type Phone, SDP } from './phone.ts'

export async function house(...hosts: string[]) {
  const it = new House()
  for (const user of ['alice', 'bob']) it.account(`${user}@example.com`)
  const nodes: Address[] = []
  for (const host of hosts.length > 0 ? hosts : ['127.4.0.1']) nodes.push(await it.node(host))
  return { it, node: nodes[0]!, nodes }
}

/** Alice calls, Bob answers; returns what each side has seen. */

export async function answeredCall(alice: Phone, bob: Phone) {
  const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
  const invite = await bob.request('INVITE')
  bob.reply(invite, 180)
  await alice.response('INVITE', 180)
  const sent = bob.reply(invite, 200, { body: SDP })
  const ok = await alice.response('INVITE', 200)
  alice.send(alice.inDialog('ACK', 'caller', request, ok))
  await bob.request('ACK')
  return { request, invite, sent, ok }
}
