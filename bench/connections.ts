/**
 * Memory of connections that phones keep open: a node's transports in this process, the phones in another. Each sends one OPTIONS
 * and then sleeps; bytes are what the resident memory of this process grew by, per connection, in steps.
 *
 *   node --expose-gc --max-semi-space-size=1 bench/connections.ts [--transport tls|wss|tcp|ws] [--count 4000] [--steps 4]
 *                          [--curves X25519] [--bytes 1500] [--turns 8]
 *
 * `--curves`: what phones offer for the key exchange over TLS. That of Node.js has ML-KEM first, which phones have not yet, and which
 * takes more. `--bytes`: how long that OPTIONS is, at least; Node.js keeps more for reading once something is longer than about
 * 1,000. `--turns`: afterwards, so many times, half of the phones hang up, at random, and as many others come; what memory has grown by
 * since, per connection. The two flags of Node.js take the scatter of its heap out of the figures.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { DEFAULT_ECDH_CURVE, connect as tlsConnect } from 'node:tls'
import { parseArgs } from 'node:util'
import { makeCertificate, silentLogger, systemClock, systemNet, systemRandom, tlsContext } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { makeResponse, type StreamName, Transports } from '@thor-node/sip'
import { WebSocket } from 'ws'

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'tls' },
    count: { type: 'string', default: '4000' },
    steps: { type: 'string', default: '4' },
    curves: { type: 'string' },
    bytes: { type: 'string', default: '0' },
    turns: { type: 'string', default: '0' },
    phones: { type: 'boolean', default: false },
  },
})
const transport = values.transport as StreamName
const HOST = '127.83.1.1'
const PORT = 5061
const options = (n: number): string => {
  const head =
    `OPTIONS sip:thor.local SIP/2.0\r\nVia: SIP/2.0/${transport.toUpperCase()} x${n}.invalid;branch=z9hG4bK${n};rport\r\n` +
    `From: <sip:a@thor.local>;tag=${n}\r\nTo: <sip:thor.local>\r\nCall-ID: ${n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n`
  const rest = Number(values.bytes) - head.length - 'Subject: \r\n\r\n'.length
  return rest > 0 ? `${head}Subject: ${'x'.repeat(rest)}\r\n\r\n` : `${head}\r\n`
}

type Phone = Socket | WebSocket

/** Opens one connection, resolves when its OPTIONS is answered. */
async function phone(n: number): Promise<Phone> {
  const to = { host: HOST, port: PORT, localAddress: `127.83.${2 + ((n >> 8) % 200)}.${1 + (n & 127)}` }
  if (transport === 'ws' || transport === 'wss') {
    const socket = new WebSocket(`${transport}://${HOST}:${PORT}`, 'sip', { ...to, rejectUnauthorized: false })
    await once(socket, 'open')
    socket.send(options(n))
    await once(socket, 'message')
    return socket
  }
  const socket =
    transport === 'tls'
      ? tlsConnect({ ...to, rejectUnauthorized: false, ecdhCurve: values.curves ?? DEFAULT_ECDH_CURVE })
      : connect(to)
  socket.write(options(n))
  await once(socket, 'data')
  return socket
}

async function phones(): Promise<void> {
  const random = new SimRandom(1)
  const open: Phone[] = []
  let opened = 0
  process.on('message', async ({ leave, come }: { leave: number; come: number }) => {
    for (let i = 0; i < leave; i++) {
      const [gone] = open.splice(random.int(open.length), 1)
      if (gone instanceof WebSocket) gone.terminate()
      else gone?.destroy()
    }
    for (let i = 0; i < come; i += 50) {
      const batch = Array.from({ length: Math.min(50, come - i) }, () => phone(opened++))
      open.push(...(await Promise.all(batch)))
    }
    process.send?.(open.length)
  })
}

async function measure(): Promise<void> {
  const now = systemClock.wall()
  const dates = { notBefore: now - 60_000, notAfter: now + 86_400_000 }
  const files = makeCertificate({ commonName: 'bench', altNames: ['bench'], serial: Buffer.of(1), ...dates })
  const client = { context: tlsContext(files), verify: false }
  const tls = { server: { fallback: () => files, choose: () => undefined }, client: () => client }
  const transports = new Transports(
    { clock: systemClock, random: systemRandom, net: systemNet, logger: silentLogger, tls },
    { listen: [{ transport, host: HOST, port: PORT }] },
  )
  transports.onMessage = (message, { flow }) => {
    if (message.kind === 'request') void transports.send(makeResponse(message, 200, 'OK', { toTag: 't' }), { flow })
  }
  await transports.start()
  const child = fork(process.argv[1] as string, [...process.argv.slice(2), '--phones'])
  const rest = async (): Promise<NodeJS.MemoryUsage> => {
    // Twice, with a pause: what is freed is given back to the system a little later.
    for (let i = 0; i < 2; i++) {
      globalThis.gc?.()
      await new Promise((done) => setTimeout(done, 500))
    }
    return process.memoryUsage()
  }
  const steps = Number(values.steps)
  const each = Math.ceil(Number(values.count) / steps)
  child.send({ leave: 0, come: each })
  await once(child, 'message')
  let before = await rest()
  for (let step = 1; step <= steps; step++) {
    const begin = performance.now()
    child.send({ leave: 0, come: each })
    await once(child, 'message')
    const perSecond = Math.round((each / (performance.now() - begin)) * 1_000)
    const after = await rest()
    const total = (step + 1) * each
    const perConnection = (what: 'rss' | 'heapUsed'): string => ((after[what] - before[what]) / each / 1_024).toFixed(1)
    console.log(
      `${transport} ${total}: ${perConnection('rss')} KiB per connection, ${perConnection('heapUsed')} of them objects, ${perSecond}/s`,
    )
    before = after
  }
  const count = (steps + 1) * each
  for (let turn = 1; turn <= Number(values.turns); turn++) {
    child.send({ leave: count >> 1, come: count >> 1 })
    await once(child, 'message')
    const { rss } = await rest()
    console.log(`turn ${turn}: ${((rss - before.rss) / count / 1_024).toFixed(1)} KiB more per connection`)
  }
  child.kill()
  await transports.stop()
}

await (values.phones ? phones() : measure())
