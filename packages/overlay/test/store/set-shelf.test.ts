/** The records of SET on one disk: how they lie there, and what damage does to them. */
import { deadline, SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SetShelf } from '../../src/store/set-shelf.ts'
import { drive } from './sim-drive.ts'

const test = suite('overlay: the shelf of SET')
const bytes = (text: string): Uint8Array => Buffer.from(text)

async function shelf() {
  const clock = new SimClock()
  const medium = new SimDisk({ clock, random: new SimRandom(1) })
  const disk = medium.mount()
  await drive(clock, disk.open())
  const it = new SetShelf({ disk }, { onStored: () => undefined })
  const put = (body: string): Promise<boolean> => drive(clock, it.put(7, 'x', bytes(body)))
  const bodies = async (): Promise<string[]> =>
    (await drive(clock, it.get(7, 'x'))).map((one) => Buffer.from(one).toString())
  /** Of the disk as it is, counted by another process. */
  const digest = (of = it): Promise<string> => drive(clock, of.digest(7))
  const counted = (): Promise<string> => digest(new SetShelf({ disk }, { onStored: () => undefined }))
  return { medium, it, put, bodies, digest, counted }
}

for (const [what, keyOf] of [
  ['the note that there are two', () => 'S007x'],
  ['one of them', (keys: string[]) => keys[1]],
  ['the other one', (keys: string[]) => keys[2]],
] as const) {
  test(
    `of a record with two bodies ${what} is damaged: put again it is as it was, and so is its digest`,
    deadline(5_000, async () => {
      const { medium, it, put, bodies, digest, counted } = await shelf()
      await put('one')
      await put('two')
      const whole = { bodies: await bodies(), digest: await digest(), keys: medium.peek('S').map(([key]) => key) }
      assert.is(whole.keys.length, 3)
      assert.ok(medium.corrupt(keyOf(whole.keys) as string))
      it.forgetDigest(7)
      assert.is.not(await digest(), whole.digest, 'it shows')
      await put('one')
      await digest()
      await put('two')
      assert.equal(await bodies(), whole.bodies)
      assert.is(await digest(), whole.digest)
      assert.is(await counted(), whole.digest)
      assert.equal(
        medium.peek('S').map(([key]) => key),
        whole.keys,
      )
    }),
  )
}

test(
  'a damaged record with one body is replaced by it',
  deadline(5_000, async () => {
    const { medium, it, put, bodies, digest, counted } = await shelf()
    await put('one')
    const before = await digest()
    assert.ok(medium.corrupt('S007x'))
    it.forgetDigest(7)
    assert.is.not(await digest(), before)
    assert.equal(await bodies(), [])
    await put('one')
    assert.equal(await bodies(), ['one'])
    assert.is(await digest(), before)
    assert.is(await counted(), before)
  }),
)

test.run()
