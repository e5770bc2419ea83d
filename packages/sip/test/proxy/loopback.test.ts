/** The stack over real sockets: what a network in memory cannot show, above all calls between transports. */
import {
  type Address,
  formatAddress,
  silentLogger,
  systemClock,
  systemNet,
  systemRandom,
  type TcpConnection,
} from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BindQuery, CallPlan, Home } from '../../src/delegates.ts'
import {
  formatNameAddr,
  makeRequest,
  makeResponse,
  parseMessage,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  StreamFramer,
  serializeMessage,
} from '../../src/message/index.ts'
import { SipStack } from '../../src/stack.ts'
import { Transports } from '../../src/transport/index.ts'
import { KEY } from './house.ts'

const test = suite('sip: stack over sockets')

interface Device {
  inbox: SipMessage[]
  send(message: SipMessage): void
  close(): Promise<void>
  via: string
}

async function udpDevice(host: string, proxy: Address): Promise<Device> {
  const inbox: SipMessage[] = []
  const socket = await systemNet.udp({ host, port: 0 }, (bytes) => inbox.push(parseMessage(bytes)))
  return {
    inbox,
    send: (message) => socket.send(serializeMessage(message), proxy),
    close: () => socket.close(),
    via: `SIP/2.0/UDP ${formatAddress(socket.local)};rport`,
  }
}

async function tcpDevice(proxy: Address, localHost?: string): Promise<Device> {
  const inbox: SipMessage[] = []
  const connection = await systemNet.connect(proxy, { localHost })
  const framer = new StreamFramer()
  connection.onData((bytes) => {
    for (const frame of framer.push(bytes)) if (frame.type === 'message') inbox.push(parseMessage(frame.bytes))
  })
  return {
    inbox,
    send: (message) => connection.write(serializeMessage(message)),
    close: async () => connection.destroy(),
    via: `SIP/2.0/TCP ${formatAddress(connection.local)}`,
  }
}

async function take<T extends SipMessage>(device: Device, what: string): Promise<T> {
  const fits = (m: SipMessage) => (m.kind === 'request' ? m.method : `${m.status} ${m.cseq.method}`) === what
  const found = await eventually(() => device.inbox.find(fits), 5_000, what)
  device.inbox.splice(device.inbox.indexOf(found), 1)
  return found as T
}

let branches = 0
const viaOf = (device: Device) => ['Via', `${device.via};branch=z9hG4bKl${branches++}`] as const

/** Everybody is let in and rung where he last registered. */
function openHome(): Home & { last: Map<string, BindQuery> } {
  const last = new Map<string, BindQuery>()
  return {
    last,
    servesDomain: (domain) => domain === 'example.com',
    admit: async ({ from }) => ({ verdict: 'admit', account: from, identity: from, groups: [], callLimit: 0 }),
    plan: async ({ aor }): Promise<CallPlan> => {
      const query = last.get(aor)
      const contact = query && query.contacts !== 'all' && query.contacts[0]?.contact
      if (!query || !contact) return { verdict: 'refuse', status: 480, reason: 'Temporarily Unavailable' }
      const { edge, flow } = query
      return { verdict: 'ring', account: aor, targets: [{ uri: contact, edge, flow, path: [], q: 1_000 }] }
    },
    unbind: async () => undefined,
    keep: async () => 'full',
    kept: async () => [],
    delivered: async () => undefined,
    bind: async (query) => {
      last.set(query.aor, query)
      return { verdict: 'bound', contacts: [] }
    },
  }
}

async function node(host: string) {
  const [clock, random, logger] = [systemClock, systemRandom, silentLogger]
  const listen = [
    { transport: 'udp', host, port: 0 },
    { transport: 'tcp', host, port: 0 },
  ] as const
  const transport = new Transports({ clock, random, net: systemNet, logger }, { listen })
  const home = openHome()
  const ended: string[] = []
  const stack = new SipStack({
    clock,
    random,
    logger,
    transport,
    home,
    media: { rewrite: async ({ sdp }) => sdp },
    calls: {
      refreshed: async () => undefined,
      newCallUuid: () => 'abc-0123456789abcdef01234567',
      answered: async () => undefined,
      ended: async ({ cause }) => void ended.push(cause),
      failed: async () => undefined,
    },
    ring: {
      self: 'self',
      cookieKey: KEY,
      nodeAt: () => undefined,
      sendOnFlow: async () => undefined,
      passResponse: async () => undefined,
    },
  })
  await stack.start()
  const [udp, tcp] = stack.listening.map(({ local }) => local) as [Address, Address]
  return { stack, home, ended, udp, tcp }
}

function request(
  device: Device,
  method: string,
  uri: string,
  user: string,
  extra: Partial<Parameters<typeof makeRequest>[0]> = {},
) {
  return makeRequest({
    method,
    uri,
    from: `<sip:${user}@example.com>;tag=${user}`,
    to: `<${uri}>`,
    callId: `l-${user}`,
    cseq: 1,
    ...extra,
    headers: [viaOf(device), ['Contact', `<sip:${user}@192.0.2.1:9>`], ...(extra.headers ?? [])],
  })
}

test(
  'a caller on UDP and a callee on TCP each find a Record-Route for their transport, and BYE works both ways',
  deadline(20_000, async () => {
    const it = await node('127.4.9.1')
    const alice = await udpDevice('127.4.9.2', it.udp)
    const bob = await tcpDevice(it.tcp)
    for (const hangUp of ['alice', 'bob']) {
      bob.send(request(bob, 'REGISTER', 'sip:example.com', 'bob', { to: '<sip:bob@example.com>' }))
      await take(bob, '200 REGISTER')
      const sent = request(alice, 'INVITE', 'sip:bob@example.com', 'alice', { callId: hangUp })
      alice.send(sent)
      const invite = await take<SipRequest>(bob, 'INVITE')
      assert.is(invite.vias[0]?.transport, 'TCP')
      const transports = invite.recordRoutes.map(({ uri }) => uri.params.get('transport') ?? 'udp')
      assert.equal(transports, ['tcp', 'udp'])
      const answer = makeResponse(invite, 200, 'OK', {
        toTag: 'bob',
        recordRoute: true,
        headers: [['Contact', '<sip:bob@192.0.2.2:9>']],
      })
      bob.send(answer)
      const ok = await take<SipResponse>(alice, '200 INVITE')
      const routes = ok.recordRoutes.map((route) => ['Route', formatNameAddr(route)] as const)
      const toBob = { to: ok.headers.get('To') as string, callId: hangUp, headers: routes.toReversed() }
      alice.send(request(alice, 'ACK', 'sip:bob@192.0.2.2:9', 'alice', toBob))
      await take(bob, 'ACK')
      if (hangUp === 'alice') {
        alice.send(request(alice, 'BYE', 'sip:bob@192.0.2.2:9', 'alice', { ...toBob, cseq: 2 }))
        bob.send(makeResponse(await take<SipRequest>(bob, 'BYE'), 200))
        await take(alice, '200 BYE')
      } else {
        const toAlice = { from: ok.headers.get('To') as string, to: sent.headers.get('From') as string }
        bob.send(request(bob, 'BYE', 'sip:alice@192.0.2.1:9', 'bob', { ...toAlice, callId: hangUp, headers: routes }))
        alice.send(makeResponse(await take<SipRequest>(alice, 'BYE'), 200))
        await take(bob, '200 BYE')
      }
    }
    assert.equal(it.ended, ['bye-caller', 'bye-callee'])
    await alice.close()
    await bob.close()
    await it.stack.stop()
  }),
)

test(
  'a device that has closed its connection is offline',
  deadline(20_000, async () => {
    const it = await node('127.4.9.3')
    const alice = await udpDevice('127.4.9.4', it.udp)
    const bob = await tcpDevice(it.tcp)
    bob.send(request(bob, 'REGISTER', 'sip:example.com', 'bob', { to: '<sip:bob@example.com>' }))
    await take(bob, '200 REGISTER')
    await bob.close()
    await eventually(() => !JSON.stringify(it.stack.snapshot()).includes('"connections":1'))
    alice.send(request(alice, 'INVITE', 'sip:bob@example.com', 'alice'))
    const refusal = await take<SipResponse>(alice, '480 INVITE')
    assert.ok(refusal.to.params.get('tag'))
    await alice.close()
    await it.stack.stop()
  }),
)

/** A device that registers over TCP and then listens at its Contact, as one without NAT does. */
async function listeningDevice(host: string, it: Awaited<ReturnType<typeof node>>) {
  const inbox: SipMessage[] = []
  let open: TcpConnection | undefined
  const listener = await systemNet.listen({ host, port: 0 }, (connection) => {
    open = connection
    const framer = new StreamFramer()
    connection.onData((bytes) => {
      for (const frame of framer.push(bytes)) if (frame.type === 'message') inbox.push(parseMessage(frame.bytes))
    })
  })
  const contact = `sip:bob@${formatAddress(listener.local)};transport=tcp`
  const first = await tcpDevice(it.tcp, host)
  const register = request(first, 'REGISTER', 'sip:example.com', 'bob', { to: '<sip:bob@example.com>' })
  register.headers.set('Contact', `<${contact}>`)
  first.send(register)
  await take(first, '200 REGISTER')
  const device: Device = {
    inbox,
    via: '',
    send: (message) => open?.write(serializeMessage(message)),
    close: async () => {
      open?.destroy()
      await listener.close()
    },
  }
  return { first, device, contact }
}

const unconnected = (it: Awaited<ReturnType<typeof node>>) =>
  eventually(() => !JSON.stringify(it.stack.snapshot()).includes('"connections":1'))

test(
  'a device without NAT whose connection is closed is reached by a new one to its Contact',
  deadline(20_000, async () => {
    const it = await node('127.42.9.1')
    const alice = await udpDevice('127.42.9.2', it.udp)
    const { first, device, contact } = await listeningDevice('127.42.9.3', it)
    await first.close()
    await unconnected(it)
    alice.send(request(alice, 'INVITE', 'sip:bob@example.com', 'alice'))
    const invite = await take<SipRequest>(device, 'INVITE')
    assert.is(invite.uri, contact)
    const headers = [['Contact', `<${contact}>`]] as const
    device.send(makeResponse(invite, 200, 'OK', { toTag: 'bob', recordRoute: true, headers }))
    const ok = await take<SipResponse>(alice, '200 INVITE')
    const routes = ok.recordRoutes.map((route) => ['Route', formatNameAddr(route)] as const)
    const toBob = { to: ok.headers.get('To') as string, headers: routes.toReversed() }
    alice.send(request(alice, 'ACK', contact, 'alice', toBob))
    await take(device, 'ACK')
    alice.send(request(alice, 'BYE', contact, 'alice', { ...toBob, cseq: 2 }))
    device.send(makeResponse(await take<SipRequest>(device, 'BYE'), 200))
    await take(alice, '200 BYE')
    await alice.close()
    await device.close()
    await it.stack.stop()
  }),
)

test(
  'within a call a device behind NAT that has registered anew is reached on its new connection',
  deadline(20_000, async () => {
    const it = await node('127.42.9.4')
    const alice = await udpDevice('127.42.9.5', it.udp)
    const register = async (): Promise<Device> => {
      const device = await tcpDevice(it.tcp)
      device.send(request(device, 'REGISTER', 'sip:example.com', 'bob', { to: '<sip:bob@example.com>' }))
      await take(device, '200 REGISTER')
      return device
    }
    const before = await register()
    alice.send(request(alice, 'INVITE', 'sip:bob@example.com', 'alice'))
    const headers = [['Contact', '<sip:bob@192.0.2.1:9>']] as const
    const invite = await take<SipRequest>(before, 'INVITE')
    before.send(makeResponse(invite, 200, 'OK', { toTag: 'bob', recordRoute: true, headers }))
    const ok = await take<SipResponse>(alice, '200 INVITE')
    await before.close()
    await unconnected(it)
    const routes = ok.recordRoutes.map((route) => ['Route', formatNameAddr(route)] as const)
    const toBob = { to: ok.headers.get('To') as string, headers: routes.toReversed() }
    alice.send(request(alice, 'OPTIONS', 'sip:bob@192.0.2.1:9', 'alice', { ...toBob, cseq: 2 }))
    await take(alice, '480 OPTIONS')
    const after = await register()
    alice.send(request(alice, 'BYE', 'sip:bob@192.0.2.1:9', 'alice', { ...toBob, cseq: 3 }))
    after.send(makeResponse(await take<SipRequest>(after, 'BYE'), 200))
    await take(alice, '200 BYE')
    await alice.close()
    await after.close()
    await it.stack.stop()
  }),
)

test.run()
