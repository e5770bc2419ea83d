/** Zones and numbers in registers of memory, with what is served of them. */
import { errorCode, errorMessage, silentLogger, ThorError } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import * as assert from 'uvu/assert'
import { EnumDirectory } from '../../src/enum/directory.ts'
import { EnumIndex } from '../../src/enum/index-of-numbers.ts'
import { EnumZones } from '../../src/enum/zones.ts'
import { ZoneDirectory } from '../../src/records/directory.ts'
import { ServedRecords } from '../../src/records/served.ts'
import { RCODE, typeNumber } from '../../src/wire/codes.ts'
import { formatRecord } from '../../src/wire/rdata.ts'
import { answerQuestion } from '../../src/zone/answer.ts'
import { joined } from '../../src/zone/zones.ts'
import { MemoryReg } from '../memory-reg.ts'

const refused = (code: string, says: RegExp) => (error: unknown) =>
  error instanceof ThorError && error.code === code && says.test(error.message)

export async function refuses(work: Promise<unknown>, code: string, says = /./): Promise<void> {
  await work.then(
    () => assert.unreachable(`${code} was expected`),
    (error) => assert.ok(refused(code, says)(error), `${errorCode(error)}: ${errorMessage(error)}`),
  )
}

/** Registers, who changes them, and what a node serves of them. */
export async function stage() {
  const reg = new MemoryReg()
  const clock = new SimClock(Date.UTC(2026, 5, 1))
  const random = new SimRandom(1)
  const store = { reg }
  const index = new EnumIndex()
  const nameservers = () => ['n1.thor.example']
  const served = new ServedRecords({ store, clock, logger: silentLogger, index, nameservers })
  const enumZones = new EnumZones({ index, clock, nameservers, ready: () => served.ready })
  const zones = joined(served.zones, enumZones)
  await served.start()
  /** Until what was told of is read. */
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await clock.advance(1)
  }
  await settle()
  const ask = (name: string, type: string): string[] => {
    const { rcode, answers } = answerQuestion(zones, { name, type: typeNumber(type) as number, class: 1 }, random)
    if (rcode !== RCODE.NOERROR)
      return [Object.keys(RCODE).find((key) => RCODE[key as keyof typeof RCODE] === rcode) as string]
    return answers.map(formatRecord).sort()
  }
  const components = { store, clock, random }
  return {
    reg,
    clock,
    served,
    index,
    enumZones,
    settle,
    ask,
    zones: new ZoneDirectory(components),
    numbers: new EnumDirectory({ ...components, index }),
  }
}
