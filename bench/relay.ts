/**
 * Packets per second through the media relay in one process, with an honest count of loss: what the phones sent, what
 * the phones got.
 *
 *   node bench/relay.ts [calls] [seconds]        default: 100 200 300 400 500 calls in turn, 5 s each
 *
 * A call is two phones that each send a G.711 packet of 172 octets every 20 ms: 100 packets a second in, 100 out. The
 * phones live in another process, so the relay's process is measured alone (its share of one core is printed).
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Address, systemClock, systemNet, systemRandom } from '@thor-node/core'
import { UserSpaceRelay } from '@thor-node/media'

const RELAY_HOST = '127.5.10.1'
const PHONE_HOST = '127.5.11.1'
const FIRST_PHONE_PORT = 10_000

interface PhonesReport {
  sent: number
  received: number
}

function sdpOf(at: Address): string {
  return `v=0\r\no=- 1 1 IN IP4 ${at.host}\r\ns=-\r\nc=IN IP4 ${at.host}\r\nt=0 0\r\nm=audio ${at.port} RTP/AVP 0\r\n`
}

const portOf = (sdp: string): number => Number(/^m=audio (\d+)/m.exec(sdp)?.[1])

/** The phones' process: phone i sends to targets[i], paced over each 20 ms. */
async function phones(targets: number[], seconds: number): Promise<PhonesReport> {
  const report = { sent: 0, received: 0 }
  const sockets = await Promise.all(
    targets.map(async (_, i) => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
      socket.on('message', () => {
        report.received += 1
      })
      socket.bind(FIRST_PHONE_PORT + i, PHONE_HOST)
      await once(socket, 'listening')
      return socket
    }),
  )
  const packet = Buffer.alloc(172, 0x55)
  packet[0] = 0x80
  packet[1] = 0
  const started = performance.now()
  const rate = targets.length * 50
  await new Promise<void>((done) => {
    const turn = (): void => {
      const elapsed = (performance.now() - started) / 1000
      if (elapsed >= seconds) {
        done()
        return
      }
      for (const due = Math.floor(elapsed * rate); report.sent < due; report.sent++) {
        const i = report.sent % targets.length
        sockets[i]?.send(packet, targets[i], RELAY_HOST)
      }
      setTimeout(turn, 1)
    }
    turn()
  })
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (const socket of sockets) socket.close()
  return report
}

async function measure(calls: number, seconds: number): Promise<void> {
  const relay = new UserSpaceRelay(
    { clock: systemClock, random: systemRandom, net: systemNet },
    { host: RELAY_HOST, ports: { from: 40_000, to: 59_999 } },
  )
  await relay.start()
  const targets: number[] = []
  for (let i = 0; i < calls; i++) {
    const callUuid = `bench-${i}`
    const alice = { host: PHONE_HOST, port: FIRST_PHONE_PORT + 2 * i }
    const bob = { host: PHONE_HOST, port: FIRST_PHONE_PORT + 2 * i + 1 }
    const offer = { callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp: sdpOf(alice), from: alice } as const
    const answer = { callUuid, side: 'callee', kind: 'answer', branch: 'b', sdp: sdpOf(bob), from: bob } as const
    const toAlice = portOf(await relay.rewrite(offer))
    targets.push(portOf(await relay.rewrite(answer)), toAlice)
  }
  const child = spawn(process.execPath, [import.meta.filename, 'phones', String(seconds), targets.join(',')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const cpu = process.cpuUsage()
  const started = performance.now()
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  const used = process.cpuUsage(cpu)
  const wallMs = performance.now() - started
  const report: PhonesReport = JSON.parse(output)
  const taken = relay
    .sessions()
    .flatMap((session) => session.streams)
    .reduce((sum, stream) => sum + stream.callerPackets + stream.calleePackets, 0)
  const lost = report.sent - report.received
  const share = (used.user + used.system) / 1000 / wallMs
  console.log(
    [
      `${calls} calls`.padStart(9),
      `${Math.round(report.sent / seconds)} packets/s sent`,
      `${Math.round(report.received / seconds)} got`,
      `loss ${((100 * lost) / report.sent).toFixed(2)} %`,
      `relay took ${taken}`,
      `${Math.round(100 * share)} % of a core`,
      `${((used.user + used.system) / Math.max(1, taken)).toFixed(1)} µs/packet`,
    ].join(', '),
  )
  await relay.stop()
}

if (process.argv[2] === 'phones') {
  const targets = (process.argv[4] ?? '').split(',').map(Number)
  process.stdout.write(JSON.stringify(await phones(targets, Number(process.argv[3]))))
} else {
  const [calls, seconds] = process.argv.slice(2).map(Number)
  for (const count of calls ? [calls] : [100, 200, 300, 400, 500]) await measure(count, seconds ?? 5)
}
