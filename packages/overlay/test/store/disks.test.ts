import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import { GroupCommit } from '../../src/store/group-commit.ts'
import { LevelDisk } from '../../src/store/level-disk.ts'
import { MemoryDisk } from '../../src/store/memory-disk.ts'
import { diskSuite } from './disk.suite.ts'
import { drive } from './sim-drive.ts'

const direct = <T>(promise: Promise<T>): Promise<T> => promise
const onFatal = (error: unknown): never => {
  throw error
}

function level() {
  const directory = mkdtempSync(join(tmpdir(), 'thor-level-'))
  const clean = async () => rmSync(directory, { recursive: true, force: true })
  return { directory, clean }
}

diskSuite('memory', async () => ({ disk: new MemoryDisk(), run: direct }))

diskSuite('level', async () => {
  const { directory, clean } = level()
  return { disk: new LevelDisk({ directory }), again: () => new LevelDisk({ directory }), run: direct, clean }
})

diskSuite('group commit over level', async () => {
  const { directory, clean } = level()
  const make = () => new GroupCommit({ disk: new LevelDisk({ directory }) }, { onFatal })
  return { disk: make(), again: make, run: direct, clean }
})

diskSuite('simulated', async () => {
  const clock = new SimClock()
  const medium = new SimDisk({ clock, random: new SimRandom(1) })
  return { disk: medium.mount(), again: () => medium.mount(), run: (promise) => drive(clock, promise) }
})

diskSuite('group commit over simulated', async () => {
  const clock = new SimClock()
  const medium = new SimDisk({ clock, random: new SimRandom(2) })
  const make = () => new GroupCommit({ disk: medium.mount() }, { onFatal })
  return { disk: make(), again: make, run: (promise) => drive(clock, promise) }
})
