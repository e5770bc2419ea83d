import type { Sealer, Versioned } from '@thor-node/core'
import { failure } from '../errors.ts'
import type { DialPlanRecord, DomainRecord } from './contract.ts'
import type { ChangeOptions, DomainInput } from './input.ts'
import { checkEtag, type Registers } from './registers.ts'
import { dialPlan, domainFields, domainName } from './validate.ts'

export const domainUnknown = (domain: string) =>
  failure('PROVISION_DOMAIN_UNKNOWN', `SIP domain ${domain} does not exist`)

/** The SIP domains that are served here: `domain/<domain>`, one register each. */
export class Domains {
  readonly #registers: Registers
  readonly #sealer: Sealer

  constructor(components: { registers: Registers; sealer: Sealer }) {
    this.#registers = components.registers
    this.#sealer = components.sealer
  }

  async add(input: DomainInput): Promise<DomainRecord> {
    const record: DomainRecord = {
      domain: domainName(input.domain),
      ...this.#sealed(domainFields(input)),
      changedAt: this.#registers.wall(),
    }
    return this.#registers.change<DomainRecord, DomainRecord>('domain', record.domain, (current) => {
      if (current) throw failure('PROVISION_DOMAIN_EXISTS', `SIP domain ${record.domain} exists already`)
      return { body: record, result: record }
    })
  }

  /** Fields that are absent keep their value. */
  async update(input: DomainInput, options: ChangeOptions = {}): Promise<DomainRecord> {
    const { domain: name, ...given } = input
    const domain = domainName(name)
    const checked = this.#sealed(domainFields(given))
    const changes = Object.fromEntries(
      Object.entries(checked).filter(([field]) => given[field as keyof typeof given] !== undefined),
    )
    const changedAt = this.#registers.wall()
    return this.#registers.change<DomainRecord, DomainRecord>('domain', domain, (current) => {
      if (!current) throw domainUnknown(domain)
      checkEtag(current, options.etag, `SIP domain ${domain}`)
      const body: DomainRecord = { ...current.body, ...changes, changedAt }
      return { body, result: body }
    })
  }

  /** Replaces the plan; undefined: that of the ring counts again. */
  async setDialPlan(
    name: string,
    plan: Partial<DialPlanRecord> | undefined,
    options: ChangeOptions = {},
  ): Promise<DomainRecord> {
    const domain = domainName(name)
    const checked = plan && dialPlan(plan)
    const changedAt = this.#registers.wall()
    return this.#registers.change<DomainRecord, DomainRecord>('domain', domain, (current) => {
      if (!current) throw domainUnknown(domain)
      checkEtag(current, options.etag, `SIP domain ${domain}`)
      const { dialPlan: _, ...rest } = current.body
      const body: DomainRecord = { ...rest, ...(checked && { dialPlan: checked }), changedAt }
      return { body, result: body }
    })
  }

  /**
   * Refused while an address of the domain exists. An account that is added at the same moment either makes this fail (the
   * domain is put back) or finds the domain gone and takes itself back: both look after they have written.
   */
  async delete(name: string, inUse: (domain: string) => Promise<boolean>, options: ChangeOptions = {}): Promise<void> {
    const domain = domainName(name)
    const refusal = () =>
      failure('PROVISION_DOMAIN_IN_USE', `SIP domain ${domain} has accounts or aliases; delete those first`)
    if (!(await this.find(domain))) throw domainUnknown(domain)
    if (await inUse(domain)) throw refusal()
    const removed = await this.#registers.change<DomainRecord, DomainRecord>('domain', domain, (current) => {
      if (!current) throw domainUnknown(domain)
      checkEtag(current, options.etag, `SIP domain ${domain}`)
      return { body: undefined, result: current.body }
    })
    if (!(await inUse(domain))) return
    await this.#registers.change<DomainRecord, null>('domain', domain, (current) =>
      current ? { keep: true, result: null } : { body: removed, result: null },
    )
    throw refusal()
  }

  find(name: string, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<DomainRecord> | undefined> {
    return this.#registers.read<DomainRecord>('domain', name.toLowerCase(), mode)
  }

  /** For who may see what. See `Registers.known`. */
  known(name: string): Promise<Versioned<DomainRecord> | undefined> {
    return this.#registers.known<DomainRecord>('domain', name.toLowerCase())
  }

  /** Copies of all, as far as there is room, for `known`. */
  see(): Promise<void> {
    return this.#registers.see('domain')
  }

  /**
   * Refuses what is to be added to a domain that does not exist. A copy that has it is enough: whoever adds looks again, strictly,
   * after it has written.
   */
  async requireBefore(name: string): Promise<void> {
    if (!(await this.find(name, 'near'))) await this.require(name)
  }

  async require(name: string): Promise<Versioned<DomainRecord>> {
    const found = await this.find(name)
    if (!found) throw domainUnknown(name)
    return found
  }

  list(): Promise<DomainRecord[]> {
    return this.#registers.list<DomainRecord>('domain')
  }

  #sealed(fields: Required<Omit<DomainInput, 'domain'>>): Required<Omit<DomainInput, 'domain'>> {
    if (fields.privateKey === '') return fields
    const sealed = this.#sealer.seal(Buffer.from(fields.privateKey, 'utf8'))
    return { ...fields, privateKey: Buffer.from(sealed).toString('base64') }
  }
}

/** The private key of a domain's certificate in PEM, '' when there is none. */
export function openPrivateKey(sealer: Sealer, record: Pick<DomainRecord, 'privateKey'>): string {
  if (record.privateKey === '') return ''
  return Buffer.from(sealer.open(Buffer.from(record.privateKey, 'base64'))).toString('utf8')
}
