import { type Clock, errorMessage, every, type Lifecycle, type Logger, type Random } from '@thor-node/core'
import type { Roster } from '../membership/roster.ts'
import type { NodeId } from '../peers.ts'
import { type Authority, ISSUER_ROLE } from './authority.ts'
import type { Certificate } from './certificate.ts'

export interface RenewerComponents {
  clock: Clock
  random: Random
  log: Logger
  roster: Roster
  authority: Authority
}

export interface RenewerInit {
  self: NodeId
  /** How often the certificate is looked at. @default 10000 */
  checkMs?: number
}

const CHECK_MS = 10_000
/** Members that joined together do not renew together: up to so much of the life later. */
const SPREAD = 0.05
/** What goes wrong is told once in so many checks. */
const TELL_EVERY = 360

/** When a certificate is to be renewed, epoch milliseconds: at two thirds of its life, and a little later by chance. */
export function renewAt({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, chance: number): number {
  return notBefore + (notAfter - notBefore) * (2 / 3 + chance * SPREAD)
}

/** Keeps the certificate of this node young, and gets it an issuer key when it has the role. */
export class Renewer implements Lifecycle {
  readonly #components: RenewerComponents
  readonly #init: RenewerInit
  readonly #log: Logger
  readonly #chance: number
  #failures = 0
  #stop: (() => void) | undefined

  constructor(components: RenewerComponents, init: RenewerInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:admission')
    this.#chance = components.random.float()
  }

  async start(): Promise<void> {
    if (this.#stop) return
    const { clock, random } = this.#components
    const checkMs = this.#init.checkMs ?? CHECK_MS
    const onError = (error: unknown): void => this.#tell(error)
    const timer = every(clock, checkMs, () => this.#check(), onError, random.int(checkMs) + 1)
    this.#stop = () => timer.cancel()
  }

  async stop(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
  }

  async #check(): Promise<void> {
    const { clock, roster, authority } = this.#components
    const certificate = roster.get(this.#init.self)
    if (!certificate) return
    if (clock.wall() >= renewAt(certificate, this.#chance)) {
      await authority.renewOwn()
      this.#log.info('certificate renewed', { until: roster.get(this.#init.self)?.notAfter })
    }
    if (certificate.roles.includes(ISSUER_ROLE) && !authority.issuer) await authority.becomeIssuer()
    // What a crash in the middle of a rotation left undone.
    await authority.retireOldKeys()
    this.#failures = 0
  }

  #tell(error: unknown): void {
    if (this.#failures++ % TELL_EVERY !== 0) return
    this.#log.warn('not certified anew yet', { reason: errorMessage(error) })
  }
}
