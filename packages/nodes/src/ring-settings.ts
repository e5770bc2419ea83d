import { type RegStore, recordKey, ThorError } from '@thor-node/core'

/** What holds for the whole ring, decided by its first node. */
export class RingSettings {
  readonly #reg: RegStore

  constructor(components: { reg: RegStore }) {
    this.#reg = components.reg
  }

  /** The domain that the ring was made for: in greetings and in Record-Route. Others can be served as well. */
  async domain(): Promise<string> {
    const value = await this.#reg.read<{ domain: string }>(recordKey('setting', 'domain'), 'near')
    if (!value) throw new ThorError('NODE_NO_DOMAIN', 'the ring does not tell its domain yet')
    return value.body.domain
  }

  async setDomain(domain: string): Promise<void> {
    await this.#reg.change(recordKey('setting', 'domain'), `domain ${domain}`, () => ({
      body: { domain },
      result: undefined,
    }))
  }
}
