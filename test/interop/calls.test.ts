/** Calls between any two edges: sipp where it is about many, a scripted phone where it is about one message (SIP-01, SIP-09, SIP-16). */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import type { CallView } from '@thor-node/nodes'
import { suite } from 'uvu'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { Phone, type PhoneInit, sdpFor } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, headers, methodOf, statusOf } from '../support/sip-message.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'

const net = '127.25.1'
const clients = '127.25.2'
const sipp = available('sipp', 'sip-tester')

const test = suite('interop: calls')
let cluster: Cluster
const passwords = new Map<string, string>()
const phones: Phone[] = []
let lastHost = 10

const node = (number: number): string => `${net}.${number}`

async function account(user: string): Promise<string> {
  const known = passwords.get(user)
  if (known) return known
  const operations = cluster.nodes[passwords.size % 3]?.operations
  const added = await operations?.accountAdd({ aor: `${user}@thor.local`, password: `secret-${user}` })
  assert.ok(added)
  passwords.set(user, added.password)
  return added.password
}

/** A phone of this account behind this node, registered unless it only calls. */
async function phone(
  user: string,
  edge: number,
  init: Partial<PhoneInit> & { register?: boolean } = {},
): Promise<Phone> {
  const { register = true, ...rest } = init
  const password = await account(user)
  const address = `${clients}.${lastHost++}`
  const made = await new Phone({ user, password, address, proxy: node(edge), ...rest }).start()
  phones.push(made)
  if (register) assert.equal(statusOf(await made.register()), 200)
  return made
}

const callsOf = async (user: string, edge = 1): Promise<CallView[]> => {
  const result = await cluster.nodes[edge - 1]?.operations.calls({ account: `${user}@thor.local`, limit: 500 })
  return result?.calls ?? []
}

const ended = (user: string, count: number, edge = 1): Promise<CallView[]> =>
  eventually(
    async () => {
      const calls = await callsOf(user, edge)
      if (calls.length !== count || calls.some((call) => call.endedAt === null)) throw new Error(JSON.stringify(calls))
      return calls
    },
    10_000,
    `${count} ended calls of ${user}`,
  )

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3 })
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await cluster?.stop()
})

for (const [from, to, transports] of [
  [1, 2, ['udp', 'udp']],
  [2, 2, ['udp', 'udp']],
  [3, 1, ['tcp', 'udp']],
  [2, 3, ['udp', 'tcp']],
  [1, 3, ['tcp', 'tcp']],
] as const) {
  test(
    `a call goes from node ${from} over ${transports[0]} to node ${to} over ${transports[1]}, and leaves one record`,
    deadline(30_000, async () => {
      const name = `${from}${to}${transports.join('')}`
      const callee = await phone(`callee${name}`, to, { transport: transports[1] })
      const caller = await phone(`caller${name}`, from, { transport: transports[0], register: false })
      const { status, dialog, response } = await caller.call(callee.init.user)
      assert.equal(status, 200)
      assert.ok(dialog)
      // The edge puts itself in, twice when it changes the transport (RFC 5658).
      assert.equal(headers(response, 'Record-Route').length, transports[0] === transports[1] ? 1 : 2)
      assert.match(header(response, 'User-Agent'), /scripted phone/)
      await eventually(() => callee.requests.some((request) => methodOf(request) === 'ACK'), 5_000, 'the ACK')
      // The record is there before the answer, at every node.
      for (const edge of [1, 2, 3]) {
        const [open] = await callsOf(caller.init.user, edge)
        assert.ok(open, `node ${edge} knows of the call`)
        assert.equal(open.endedAt, null)
      }
      assert.equal(await caller.bye(dialog), 200)
      assert.ok(callee.requests.some((request) => methodOf(request) === 'BYE'))
      const [record] = await ended(caller.init.user, 1)
      assert.equal(record?.endCause, 'bye-caller')
      assert.equal(record?.caller, caller.aor)
      assert.equal(record?.callee, callee.aor)
      assert.deepEqual([record?.userAgentCaller, record?.userAgentCallee], ['scripted phone', 'scripted phone'])
      assert.equal((await ended(callee.init.user, 1, 2))[0]?.callUuid, record?.callUuid)
    }),
  )
}

test(
  'the callee may hang up, and a BYE is taken by a node that never saw the call',
  deadline(30_000, async () => {
    const callee = await phone('hangs', 2)
    const caller = await phone('waits', 1, { register: false })
    const { dialog } = await caller.call('hangs')
    assert.ok(dialog)
    await eventually(() => callee.taken[0], 5_000, 'the call at the callee')
    assert.equal(await callee.bye(callee.taken[0] as never, { proxy: node(3) }), 200)
    assert.ok(caller.requests.some((request) => methodOf(request) === 'BYE'))
    const [record] = await ended('waits', 1)
    assert.equal(record?.endCause, 'bye-callee')

    const second = await caller.call('hangs')
    assert.ok(second.dialog)
    assert.equal(await caller.bye(second.dialog, { proxy: node(3) }), 200)
    assert.equal(callee.requests.filter((request) => methodOf(request) === 'BYE').length, 1)
    await ended('waits', 2, 3)
  }),
)

test(
  'all phones of an account ring, one answers, the others are cancelled, one record is left',
  deadline(30_000, async () => {
    const ringing = [
      await phone('three', 1, { behaviour: 'ring' }),
      await phone('three', 2, { behaviour: 'ring' }),
      await phone('three', 3, { behaviour: 'ring', transport: 'tcp' }),
    ]
    const caller = await phone('forker', 2, { register: false })
    const calling = caller.call('three')
    await eventually(() => ringing.every(({ requests }) => requests.length > 0), 5_000, 'all three to ring')
    ringing[1]?.pickUp()
    const { status, dialog } = await calling
    assert.equal(status, 200)
    assert.ok(dialog)
    for (const loser of [ringing[0], ringing[2]]) {
      await eventually(() => loser?.requests.some((request) => methodOf(request) === 'CANCEL'), 5_000, 'the CANCEL')
      await eventually(() => loser?.requests.some((request) => methodOf(request) === 'ACK'), 5_000, 'the ACK of 487')
    }
    assert.ok(!ringing[1]?.requests.some((request) => methodOf(request) === 'CANCEL'))
    assert.equal(await caller.bye(dialog), 200)
    await ended('forker', 1)
    await ended('three', 1)
  }),
)

test(
  'a caller that gives up gets 487, and the phone stops to ring',
  deadline(30_000, async () => {
    const callee = await phone('slow', 3, { behaviour: 'ring' })
    const caller = await phone('impatient', 1, { register: false })
    const calling = caller.call('slow')
    await eventually(() => callee.requests.length > 0, 5_000, 'the phone to ring')
    assert.equal(statusOf(await caller.cancel()), 200)
    assert.equal((await calling).status, 487)
    await eventually(() => callee.requests.some((request) => methodOf(request) === 'CANCEL'), 5_000, 'the CANCEL')
    assert.deepEqual(await callsOf('impatient'), [], 'what nobody answered is not billed')
  }),
)

test(
  'refusals: busy 486, declined 603, no such user 404, nobody there 480, too many hops 483',
  deadline(30_000, async () => {
    await phone('busy', 2, { behaviour: 486 })
    await phone('declines', 2, { behaviour: 603 })
    await account('offline')
    const caller = await phone('refused', 1, { register: false })
    assert.equal((await caller.call('busy')).status, 486)
    assert.equal((await caller.call('declines')).status, 603)
    assert.equal((await caller.call('nobody-of-this-name')).status, 404)
    assert.equal((await caller.call('offline')).status, 480)
    assert.equal((await caller.call('busy', { maxForwards: 0 })).status, 483)
    assert.deepEqual(await callsOf('refused'), [])
  }),
)

test(
  'a caller with a wrong password is refused, and one without an account is challenged in vain',
  deadline(30_000, async () => {
    const callee = await phone('guarded', 1)
    const address = `${clients}.${lastHost++}`
    const liar = await new Phone({ user: 'offline', password: 'wrong', address, proxy: node(2) }).start()
    phones.push(liar)
    assert.equal((await liar.call('guarded', { authenticate: false })).status, 407)
    assert.equal((await liar.call('guarded')).status, 403)
    const stranger = await new Phone({ user: 'stranger', password: 'x', address, proxy: node(3) }).start()
    phones.push(stranger)
    assert.equal((await stranger.call('guarded')).status, 403)
    assert.equal(callee.requests.length, 0, 'the phone did not ring')
  }),
)

test(
  'MESSAGE, OPTIONS and methods that nobody knows pass between edges',
  deadline(30_000, async () => {
    const callee = await phone('reader', 3)
    const caller = await phone('writer', 1, { register: false })
    const text = { body: 'hello', headers: [['Content-Type', 'text/plain']] as [string, string][] }
    assert.equal(statusOf(await caller.request('MESSAGE', `sip:${callee.aor}`, text)), 200)
    assert.equal(callee.requests[0]?.body, 'hello')
    assert.equal(statusOf(await caller.request('OPTIONS', `sip:${callee.aor}`)), 200)
    assert.equal(statusOf(await caller.request('JUGGLE', `sip:${callee.aor}`)), 200)
    assert.deepEqual(callee.requests.map(methodOf), ['MESSAGE', 'OPTIONS', 'JUGGLE'])
    assert.equal(statusOf(await caller.request('OPTIONS', `sip:${node(1)}`)), 200, 'the node answers for itself')
  }),
)

test(
  're-INVITE puts the call on hold and back, by either side',
  deadline(30_000, async () => {
    const callee = await phone('held', 2)
    const caller = await phone('holder', 3)
    const { dialog } = await caller.call('held')
    assert.ok(dialog)
    for (const [direction, shown] of [
      ['sendonly', /a=(sendonly)/],
      ['sendrecv', /m=audio/],
    ] as const) {
      const body = sdpFor(caller.init.address, 20_000, [`a=${direction}`])
      const response = await caller.request('INVITE', dialog.target, {
        dialog,
        body,
        headers: [['Contact', caller.contact]],
      })
      assert.equal(statusOf(response), 200)
      caller.acknowledge(dialog)
      assert.match(callee.requests.filter((request) => methodOf(request) === 'INVITE').at(-1)?.body ?? '', shown)
      assert.match(response.body, new RegExp(`c=IN IP4 ${net.replaceAll('.', '\\.')}\\.\\d`), 'sound goes by the relay')
    }
    const back = callee.taken[0]
    assert.ok(back)
    const body = sdpFor(callee.init.address, 20_002)
    const response = await callee.request('INVITE', back.target, { dialog: back, body, proxy: node(1) })
    assert.equal(statusOf(response), 200, 'through a node that never saw the call')
    callee.acknowledge(back, node(1))
    assert.equal(await caller.bye(dialog), 200)
    await ended('holder', 1)
  }),
)

test(
  'a phone behind a NAT is called on the flow that it registered through',
  deadline(30_000, async () => {
    const callee = await phone('natted', 1, { claim: '10.0.0.5:5060' })
    const caller = await phone('outside', 2, { claim: '10.0.0.6:5060' })
    const where = await cluster.nodes[2]?.operations.where({ aor: callee.aor })
    assert.match(where?.contacts[0]?.contact ?? '', /10\.0\.0\.5:5060/)
    assert.match(where?.contacts[0]?.source ?? '', new RegExp(callee.init.address.replaceAll('.', '\\.')))
    const { status, dialog } = await caller.call('natted')
    assert.equal(status, 200)
    assert.ok(dialog)
    await eventually(() => callee.requests.some((request) => methodOf(request) === 'ACK'), 5_000, 'the ACK')
    assert.equal(await callee.bye(callee.taken[0] as never), 200, 'the other way round as well')
    assert.ok(caller.requests.some((request) => methodOf(request) === 'BYE'))
    await ended('outside', 1)
  }),
)

test(
  'a request that comes back to where it has been is answered 482',
  deadline(30_000, async () => {
    const looper = await phone('looper', 1)
    const caller = await phone('starter', 2, { register: false })
    assert.equal(statusOf(await caller.request('OPTIONS', `sip:${looper.aor}`)), 200)
    const seen = looper.requests[0]
    assert.ok(seen)
    const vias = headers(seen, 'Via')
    assert.equal(vias.length, 2, 'one hop: the edge of the caller, although another node holds the flow')
    assert.equal(header(seen, 'Max-Forwards'), '69')
    // The phone sends what it got back to the ring, as a badly set up gateway does: all Via values kept, the URI as it was.
    const dialog = { callId: header(seen, 'Call-ID'), local: header(seen, 'From'), remote: header(seen, 'To') }
    const looped = { ...dialog, routes: [], target: '', cseq: Number(header(seen, 'CSeq').split(' ')[0]) - 1 }
    const options = { dialog: looped, vias, proxy: node(2), authenticate: false }
    assert.equal(statusOf(await looper.request('OPTIONS', `sip:${looper.aor}`, options)), 482)
    assert.equal(looper.requests.length, 1)
  }),
)

const onlyWithSipp = sipp ? test : test.skip
for (const tcp of [false, true]) {
  onlyWithSipp(
    `sipp calls sipp over ${tcp ? 'TCP' : 'UDP'} through all pairs of edges, every record has its right duration`,
    deadline(60_000, async () => {
      const kind = tcp ? 'tcp' : 'udp'
      const uasAddress = `${clients}.${tcp ? 201 : 202}`
      const users = [1, 2, 3].map((number) => `uas${number}${kind}`)
      const callers = [1, 2, 3].map((number) => `uac${number}${kind}`)
      for (const user of [...users, ...callers]) await account(user)
      // The callees are one sipp over UDP, registered through all three.
      for (const [index, user] of users.entries()) {
        const rows = [[user, 'thor.local', sippCredentials(user, `secret-${user}`), `${uasAddress}:5060`]]
        const result = await startSipp({
          scenario: 'register',
          address: uasAddress,
          port: 5060,
          proxy: node(index + 1),
          rows,
          calls: 1,
        }).done
        assert.equal(result.code, 0, result.output)
      }
      const uas = startSipp({ scenario: 'uas', address: uasAddress, port: 5060, calls: 9 })
      const runs = await Promise.all(
        [1, 2, 3].map((edge) => {
          const user = callers[edge - 1] as string
          const rows = users.map((callee) => [user, 'thor.local', sippCredentials(user, `secret-${user}`), callee])
          const address = `${clients}.${(tcp ? 210 : 220) + edge}`
          return startSipp({
            scenario: 'uac',
            address,
            port: 5060,
            proxy: node(edge),
            rows,
            calls: 3,
            rate: 3,
            holdMs: 1500,
            tcp,
          }).done
        }),
      )
      for (const { code, output } of runs) assert.equal(code, 0, output)
      for (const user of callers) {
        const records = await ended(user, 3, 2)
        assert.equal(new Set(records.map(({ callUuid }) => callUuid)).size, 3)
        assert.deepEqual(records.map(({ callee }) => callee.split('@')[0]).sort(), users)
        for (const record of records) {
          const seconds = ((record.endedAt ?? 0) - record.startedAt) / 1000
          assert.ok(seconds >= 1.4, `held for 1.5 s, billed ${seconds}`)
          assert.ok(Math.abs(record.durationSeconds - seconds) <= 1, `${record.durationSeconds} and ${seconds}`)
          assert.equal(record.endCause, 'bye-caller')
        }
      }
      assert.equal((await uas.done).code, 0)
    }),
  )
}

test.run()
