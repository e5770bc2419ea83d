import type { Clock, DiskSpace, Lifecycle, Logger, Random } from '@thor-node/core'
import type { Members, Trouble } from '../membership/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { GroupCommit } from '../store/group-commit.ts'
import { Alarms } from './alarms.ts'
import { ClockWatch } from './clock-watch.ts'
import { DiskWatch } from './disk-watch.ts'

export interface ConditionComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  members: Members
  disk: GroupCommit
  /** See `DiskWatch`. */
  space?(): Promise<DiskSpace>
}

/** How well this node is: its disk and its clock, what others are told of that, and what operators are. */
export class Condition implements Lifecycle {
  readonly alarms: Alarms
  readonly disk: DiskWatch
  readonly clock: ClockWatch

  constructor(components: ConditionComponents, init: { onChange: (troubles: readonly Trouble[]) => void }) {
    this.alarms = new Alarms(components)
    const parts = { ...components, alarms: this.alarms }
    const onChange = (): void => init.onChange(this.troubles)
    this.disk = new DiskWatch(parts, { onChange })
    this.clock = new ClockWatch(parts, { onChange })
  }

  async start(): Promise<void> {
    await this.disk.start()
    await this.clock.start()
  }

  async stop(): Promise<void> {
    await this.clock.stop()
    await this.disk.stop()
  }

  get troubles(): Trouble[] {
    return [
      ...(this.disk.isSlow ? (['slow-disk'] as const) : []),
      ...(this.disk.isFull ? (['full-disk'] as const) : []),
      ...(this.clock.state === 'wrong' ? (['wrong-clock'] as const) : []),
    ]
  }

  snapshot() {
    return { disk: this.disk.snapshot(), clock: this.clock.snapshot(), alarms: this.alarms.list() }
  }
}
