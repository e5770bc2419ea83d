import { type Address, silentLogger, systemNet, type UdpSocket } from '@thor-node/core'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NOTIFY_LIMITS } from '../../src/limits.ts'
import { Notifier } from '../../src/server/notify.ts'

const test = suite('dns: telling secondaries')

const HOST = '127.84.2'

async function stage(speaks = () => true) {
  const clock = new SimClock()
  const heard: Buffer[] = []
  let answer = (bytes: Buffer): Buffer | undefined => {
    const copy = Buffer.from(bytes)
    copy[2] = 0xa4
    return copy
  }
  const socket: UdpSocket = await systemNet.udp({ host: `${HOST}.2`, port: 0 }, (bytes, from) => {
    heard.push(bytes)
    const said = answer(bytes)
    if (said) socket.send(said, from)
  })
  const notifier = new Notifier(
    { net: systemNet, clock, random: new SimRandom(2), logger: silentLogger, speaks },
    { host: `${HOST}.1`, secondaries: [socket.local as Address] },
  )
  await notifier.start()
  const silence = (): void => {
    answer = () => undefined
  }
  const stop = async (): Promise<void> => {
    await notifier.stop()
    await socket.close()
    assert.is(clock.armed, 0)
  }
  return { clock, heard, notifier, silence, stop }
}

test(
  'changes within a moment are told once, until they are heard',
  deadline(10_000, async () => {
    const { clock, heard, notifier, stop } = await stage()
    for (let times = 0; times < 5; times++) notifier.changed('example.com')
    assert.is(heard.length, 0)
    await clock.advance(NOTIFY_LIMITS.gatherMs)
    await eventually(() => heard.length === 1)
    assert.is(heard[0]?.subarray(2, 6).toString('hex'), '24000001')
    assert.is(heard[0]?.subarray(12).toString('hex'), '076578616d706c6503636f6d0000060001')
    await eventually(() => notifier.waiting === 0)
    notifier.changed('example.com')
    await clock.advance(NOTIFY_LIMITS.gatherMs)
    await eventually(() => heard.length === 2)
    await eventually(() => notifier.waiting === 0)
    // Once more, for who asked a node that had not heard of the change yet; and no more.
    await clock.advance(NOTIFY_LIMITS.againMs)
    await eventually(() => heard.length === 3)
    await eventually(() => notifier.waiting === 0)
    await clock.advance(10 * NOTIFY_LIMITS.againMs)
    assert.is(heard.length, 3)
    assert.is(clock.armed, 0)
    await stop()
  }),
)

test(
  'who is silent is told again, and given up at last',
  deadline(10_000, async () => {
    const { clock, heard, notifier, silence, stop } = await stage()
    silence()
    notifier.changed('example.com')
    await clock.advance(NOTIFY_LIMITS.gatherMs)
    for (let times = 1; times <= NOTIFY_LIMITS.tries; times++) {
      await eventually(() => heard.length === times)
      await clock.advance(NOTIFY_LIMITS.retryMs * 2 ** (times - 1))
    }
    assert.is(notifier.waiting, 0)
    assert.is(heard.length, NOTIFY_LIMITS.tries)
    await stop()
  }),
)

test(
  'a node that does not speak for the ring is silent',
  deadline(10_000, async () => {
    const { clock, heard, notifier, stop } = await stage(() => false)
    notifier.changed('example.com')
    await clock.advance(NOTIFY_LIMITS.gatherMs)
    assert.is(notifier.waiting, 0)
    assert.is(heard.length, 0)
    await stop()
  }),
)

test.run()
