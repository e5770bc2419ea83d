import type { Clock, Lifecycle, Logger, Timer } from '@thor-node/core'
import type { Member } from './contract.ts'
import type { Roster, RosterContents } from './roster.ts'

export interface SavedRoster extends RosterContents {
  members: readonly Member[]
}

export interface RosterKeeperComponents {
  clock: Clock
  log: Logger
  roster: Roster
  saveRoster?(saved: SavedRoster): void | Promise<void>
}

/** Changes that come together are saved together, after so long. */
const GATHER_MS = 200

/** Has certificates and members written down a moment after they changed. */
export class RosterKeeper implements Lifecycle {
  readonly #components: RosterKeeperComponents
  readonly #members: () => readonly Member[]
  #running = false
  #timer: Timer | undefined

  constructor(components: RosterKeeperComponents, init: { members: () => readonly Member[] }) {
    this.#components = components
    this.#members = init.members
  }

  async start(): Promise<void> {
    this.#running = true
  }

  /** Saves what waits to be. */
  async stop(): Promise<void> {
    this.#running = false
    this.#timer?.cancel()
    if (this.#timer) await this.#save()
  }

  soon(): void {
    const { clock, saveRoster } = this.#components
    if (this.#timer || !saveRoster || !this.#running) return
    this.#timer = clock.after(GATHER_MS, () => void this.#save())
  }

  async #save(): Promise<void> {
    this.#timer = undefined
    const { roster, saveRoster, log } = this.#components
    try {
      await saveRoster?.({ ...roster.saved, members: this.#members() })
    } catch (error) {
      log.forComponent('overlay:membership').error('the list of members could not be saved', { error })
    }
  }
}
