/**
 * Memory of connections that phones keep open: a node's transports in this process, the phones in another. Each sends one OPTIONS
 * and then sleeps; bytes are what the resident memory of this process grew by, per connection, in steps.
 *
 *   node --expose-gc --max-semi-space-size=1 bench/connections.ts [--transport tls|wss|tcp|ws] [--count 4000] [--steps 4]
 *                          [--curves X25519]
 *
 * `--curves`: what phones offer for the key exchange over TLS. That of Node.js has ML-KEM first, which phones have not yet, and which
 * takes 11 KiB more. The two flags of Node.js take the scatter of its heap out of the figures.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { DEFAULT_ECDH_CURVE, connect as tlsConnect } from 'node:tls'
import { parseArgs } from 'node:util'
import { makeCertificate, silentLogger, systemClock, systemNet, systemRandom, tlsContext } from '@thor-node/core'
import { makeResponse, type StreamName, Transports } from '@thor-node/sip'
import { WebSocket } from 'ws'

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'tls' },
    count: { type: 'string', default: '4000' },
    steps: { type: 'string', default: '4' },
    curves: { type: 'string' },
    phones: { type: 'boolean', default: false },
  },
})
const transport = values.transport as StreamName
const HOST = '127.83.1.1'
const PORT = 5061
const options = (n: number): string =>
  `OPTIONS sip:thor.local SIP/2.0\r\nVia: SIP/2.0/${transport.toUpperCase()} x${n}.invalid;branch=z9hG4bK${n};rport\r\n` +
  `From: <sip:a@thor.local>;tag=${n}\r\nTo: <sip:thor.local>\r\nCall-ID: ${n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`

/** Opens one connection, resolves when its OPTIONS is answered. */
async function phone(n: number): Promise<unknown> {
  const to = { host: HOST, port: PORT, localAddress: `127.83.${2 + (n >> 8)}.${1 + (n & 127)}` }
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
  const open: unknown[] = []
  process.on('message', async (count: number) => {
    for (let i = 0; i < count; i += 50) {
      const batch = Array.from({ length: Math.min(50, count - i) }, (_, j) => phone(open.length + j))
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
  child.send(each)
  await once(child, 'message')
  let before = await rest()
  for (let step = 1; step <= steps; step++) {
    const begin = performance.now()
    child.send(each)
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
  child.kill()
  await transports.stop()
}

await (values.phones ? phones() : measure())
