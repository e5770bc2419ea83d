/**
 * Calls go on while a node dies (HA-04), nothing is lost or billed twice (CD-02), and a call in which nobody sends media ends
 * by itself (MR-10).
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { deadline, eventually } from '@thor-node/core/testing'
import type { CallView } from '@thor-node/nodes'
import { suite } from 'uvu'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { type CallResult, Phone } from '../support/phone.ts'
import { available } from '../support/programs.ts'
import { header, methodOf, statusOf } from '../support/sip-message.ts'
import { sippCredentials, startSipp } from '../support/sipp.ts'

const net = '127.27.1'
const clients = '127.27.2'
const loneNet = '127.27.3'
const SIPP_CALLS = 10
/** Shorter than the patience with calls whose relay is gone, so that it does not matter here who relays. */
const HOLD_MS = 4_000
const PHONE_CALLS = 8

const test = suite('e2e: failover')
const onlyWithSipp = available('sipp', 'sip-tester') ? test : test.skip
let cluster: Cluster
let lone: Cluster | undefined
const phones: Phone[] = []

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const calls = async (number: number): Promise<CallView[]> => (await node(number).operations.calls({ limit: 500 })).calls

async function phone(ring: Cluster, user: string, edge: number, address: string, register = true): Promise<Phone> {
  const home = ring.nodes[edge - 1] as ClusterNode
  await home.operations.accountAdd({ aor: `${user}@thor.local`, password: `secret-${user}` })
  const made = await new Phone({ user, password: `secret-${user}`, address, proxy: home.address }).start()
  phones.push(made)
  if (register) assert.equal(statusOf(await made.register()), 200)
  return made
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 3 })
  await cluster.settled()
})
test.after(async () => {
  for (const made of phones) await made.stop()
  await lone?.stop()
  await cluster?.stop()
})

onlyWithSipp(
  'calls between two nodes go on while the third is killed; BYE is taken by survivors; every call has one whole record',
  deadline(120_000, async () => {
    for (const user of ['caller', 'callee']) {
      await node(3).operations.accountAdd({ aor: `${user}@thor.local`, password: `secret-${user}` })
    }
    const uas = { address: `${clients}.1`, port: 5060 }
    const registration = [['callee', 'thor.local', sippCredentials('callee', 'secret-callee'), `${uas.address}:5060`]]
    const register = { scenario: 'register', ...uas, proxy: node(2).address, rows: registration, calls: 1 }
    assert.equal((await startSipp(register).done).code, 0)

    const answering = startSipp({ scenario: 'uas', ...uas, calls: SIPP_CALLS })
    const rows = [['caller', 'thor.local', sippCredentials('caller', 'secret-caller'), 'callee']]
    const uac = {
      scenario: 'uac',
      address: `${clients}.2`,
      port: 5060,
      proxy: node(1).address,
      rows,
      calls: SIPP_CALLS,
    }
    const calling = startSipp({ ...uac, rate: 10, holdMs: HOLD_MS })

    const ann = await phone(cluster, 'ann', 3, `${clients}.11`, false)
    const ben = await phone(cluster, 'ben', 2, `${clients}.12`)
    const { dialog } = await ann.call('ben')
    assert.ok(dialog)
    await eventually(async () => (await calls(1)).length === SIPP_CALLS + 1, 10_000, 'all calls to be up')
    assert.ok((await calls(2)).some((call) => call.endedAt === null))

    await cluster.kill(node(3))

    // The edge of this caller is gone; what it holds of the call is the Route set.
    const hungUp = async (): Promise<boolean> => (await ann.bye(dialog, { proxy: node(1).address })) === 200
    await eventually(hungUp, 20_000, 'the BYE to be taken by a survivor')
    assert.ok(ben.requests.some((request) => methodOf(request) === 'BYE'))

    const cleo = await phone(cluster, 'cleo', 1, `${clients}.13`, false)
    const second = await eventually(
      async () => (await cleo.call('ben').catch(() => undefined))?.dialog,
      20_000,
      'a new call to be answered',
    )
    assert.equal(await cleo.bye(second), 200)

    const done = await calling.done
    assert.equal(done.code, 0, done.output)
    await answering.done

    const complete = async (number: number): Promise<CallView[]> => {
      const all = await calls(number)
      const open = all.filter((call) => call.endedAt === null)
      if (open.length > 0) throw new Error(JSON.stringify(open))
      return all
    }
    const records = await eventually(() => complete(1), 20_000, 'all records to be closed')
    const ofSipp = records.filter(({ caller }) => caller === 'caller@thor.local')
    assert.equal(ofSipp.length, SIPP_CALLS)
    assert.equal(new Set(records.map(({ callId }) => callId)).size, records.length, 'no call is billed twice')
    for (const { durationSeconds, endCause } of ofSipp) {
      assert.ok(durationSeconds >= HOLD_MS / 1000 - 1, `billed ${durationSeconds} s`)
      assert.equal(endCause, 'bye-caller')
    }
    assert.equal(records.find(({ caller }) => caller === 'ann@thor.local')?.endCause, 'bye-caller')
  }),
)

test(
  'calls whose edge and relay live go on; those whose relay died are ended, with a BYE to both',
  deadline(90_000, async () => {
    if (node(3).process.exitCode !== null || node(3).process.signalCode !== null) await cluster.restart(node(3))
    await cluster.settled()
    const before = (await calls(3)).map(({ callUuid }) => callUuid)
    assert.deepEqual(
      before.toSorted(),
      (await calls(1)).map(({ callUuid }) => callUuid).toSorted(),
      'who came back knows all',
    )
    // The home of a call is the last to relay it, so the node that will die may not be that.
    const homes = ['cara', 'cyra', 'cora', 'ciri', 'coco', 'cleo2'].map(async (user) => {
      const { home } = await node(1).operations.where({ aor: `${user}@thor.local` })
      return { user, home }
    })
    const name = (await Promise.all(homes)).find(({ home }) => home !== 'n3')?.user ?? 'cara'
    const cara = await phone(cluster, name, 1, `${clients}.14`)
    const dora = await phone(cluster, 'dora', 2, `${clients}.15`)
    const made = await Promise.all(Array.from({ length: PHONE_CALLS }, () => cara.call('dora')))
    const relayOf = ({ response }: CallResult): string => /c=IN IP4 (\S+)/.exec(response.body)?.[1] ?? ''
    const doomed = made.filter((call) => relayOf(call) === node(3).address)
    const sound = made.filter((call) => relayOf(call) !== node(3).address)

    await cluster.kill(node(3))
    const hasBye = (one: Phone, call: CallResult): boolean =>
      one.requests.some((it) => methodOf(it) === 'BYE' && header(it, 'Call-ID') === call.dialog?.callId)
    const heard = (): boolean => doomed.every((call) => hasBye(cara, call) && hasBye(dora, call))
    await eventually(heard, 40_000, 'both ends of the calls of the dead relay to hear of it')
    for (const call of sound) {
      assert.ok(call.dialog && !hasBye(cara, call) && !hasBye(dora, call))
      assert.equal(await cara.bye(call.dialog), 200)
    }
    const closed = async (): Promise<CallView[]> => {
      const list = (await calls(2)).filter(({ callUuid }) => !before.includes(callUuid))
      if (list.some(({ endedAt }) => endedAt === null)) throw new Error(JSON.stringify(list))
      return list
    }
    const records = await eventually(closed, 20_000, 'all records to be closed')
    const causes = (of: CallResult[]): (string | null | undefined)[] =>
      of.map(({ dialog }) => records.find(({ callId }) => callId === dialog?.callId)?.endCause)
    assert.equal(records.length, PHONE_CALLS)
    assert.deepEqual(
      causes(sound),
      sound.map(() => 'bye-caller'),
    )
    assert.deepEqual(
      causes(doomed),
      doomed.map(() => 'lost'),
    )
  }),
)

test(
  'a call without media is ended by the ring, with a BYE to both; one in which somebody speaks goes on',
  deadline(60_000, async () => {
    lone = await startCluster({ net: loneNet, nodes: 1, options: ['--media-silence', '2s'] })
    const ring = lone
    const silent = await phone(ring, 'silent', 1, `${clients}.21`)
    const still = await phone(ring, 'still', 1, `${clients}.22`)
    const speaker = await phone(ring, 'speaker', 1, `${clients}.23`)
    const listener = await phone(ring, 'listener', 1, `${clients}.24`)

    const speaking = await speaker.call('listener')
    assert.ok(speaking.dialog)
    const [, host] = /c=IN IP4 (\S+)/.exec(speaking.response.body) ?? []
    const [, port] = /m=audio (\d+)/.exec(speaking.response.body) ?? []
    assert.equal(host, `${loneNet}.1`, 'the relay is in the answer')
    const socket = createSocket('udp4')
    await new Promise<void>((bound) => socket.bind({ address: speaker.init.address, port: 20_000 }, bound))
    const packet = Buffer.alloc(172, 0xff)
    packet.writeUInt16BE(0x8000)
    const talking = setInterval(() => {
      packet.writeUInt16BE((packet.readUInt16BE(2) + 1) & 0xffff, 2)
      socket.send(packet, Number(port), host)
    }, 100)
    try {
      assert.ok((await silent.call('still')).dialog)
      const ended = async (): Promise<CallView | undefined> =>
        (await ring.nodes[0]?.operations.calls({}))?.calls.find(
          ({ caller, endedAt }) => caller === silent.aor && endedAt,
        )
      const record = await eventually(ended, 30_000, 'the silent call to be ended')
      assert.equal(record.endCause, 'media-timeout')
      for (const one of [silent, still]) {
        await eventually(() => one.requests.some((request) => methodOf(request) === 'BYE'), 5_000, `BYE at ${one.aor}`)
      }
      assert.ok(![speaker, listener].some(({ requests }) => requests.some((request) => methodOf(request) === 'BYE')))
      assert.equal(await speaker.bye(speaking.dialog), 200)
      const whole = async (): Promise<CallView | undefined> =>
        (await ring.nodes[0]?.operations.calls({}))?.calls.find(
          ({ caller, endedAt }) => caller === speaker.aor && endedAt,
        )
      const other = await eventually(whole, 5_000, 'the other record')
      assert.equal(other.endCause, 'bye-caller')
      assert.ok(other.bytesCaller > 0, 'its bytes are counted')
    } finally {
      clearInterval(talking)
      socket.close()
    }
  }),
)

test.run()
