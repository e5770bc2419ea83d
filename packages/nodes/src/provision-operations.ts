import { type Clock, errorCode, errorMessage, type Random, randomHex, splitAor, ThorError } from '@thor-node/core'
import {
  type AccountDirectory,
  type AccountRecord,
  type Admins,
  adminCaller,
  JsonReader,
  operations,
  type Provisioning,
  type SchemaValue,
} from '@thor-node/provision'
import type {
  AdminView,
  ApiCallQuery,
  AuditView,
  ExportResult,
  ImportFailure,
  ImportResult,
  ProvisionContract,
  TokenAddQuery,
  TokenView,
} from './control/provision-contract.ts'

const AUDIT_DEFAULT = 50
/** Rows of an import that run at once. */
const IMPORT_WIDTH = 64
/** An export is read page by page; between pages the list is not read anew. */
const EXPORT_KEPT_MS = 60_000

const caller = adminCaller('command line')

/** The part of the operations that is about provisioning. */
export class ProvisionOperations implements ProvisionContract {
  readonly #provisioning: Provisioning
  readonly #directory: AccountDirectory
  readonly #admins: Admins
  readonly #clock: Clock
  readonly #random: Random
  #exported: { at: number; records: AccountRecord[] } | undefined

  constructor(components: {
    provisioning: Provisioning
    directory: AccountDirectory
    admins: Admins
    clock: Clock
    random: Random
  }) {
    this.#provisioning = components.provisioning
    this.#directory = components.directory
    this.#admins = components.admins
    this.#clock = components.clock
    this.#random = components.random
  }

  async apiCall({ operation, args }: ApiCallQuery): Promise<{ value: unknown }> {
    return { value: (await this.#run(operation, args)) ?? null }
  }

  async #run(name: string, json: Record<string, unknown>): Promise<SchemaValue> {
    const found = operations.find((one) => `${one.port}.${one.name}`.toLowerCase() === name.toLowerCase())
    if (!found) throw new ThorError('NODE_NO_OPERATION', `there is no operation ${name}; see: thor-node api list`)
    const reader = new JsonReader()
    const args: Record<string, SchemaValue> = {}
    for (const [argument, value] of Object.entries(json)) {
      const type = found.input[argument]
      if (!type) {
        const known = Object.keys(found.input).join(', ') || 'none'
        throw new ThorError('NODE_NO_OPERATION', `${name} has no argument ${argument}; it takes: ${known}`)
      }
      args[argument] = reader.value(value, type, argument)
    }
    return (await this.#provisioning.dispatcher.run(found, caller, args, { from: '', via: 'cli' })).value
  }

  async adminAdd({ user, password = randomHex(this.#random, 9) }: { user: string; password?: string }) {
    await this.#admins.createAdmin(user, password)
    await this.#write('adminAdd', { user })
    return { user, password }
  }

  async adminList(): Promise<{ admins: AdminView[] }> {
    const admins = await this.#admins.admins()
    return { admins: admins.map(({ username, changedAt }) => ({ user: username, changedAt })) }
  }

  async adminRemove({ user }: { user: string }): Promise<{ removed: string }> {
    await this.#admins.removeAdmin(user)
    await this.#write('adminRemove', { user })
    return { removed: user }
  }

  async tokenAdd({ name, scopes, customer = 0, ttlSeconds }: TokenAddQuery): Promise<{ token: string; id: string }> {
    const expiresAt = ttlSeconds === undefined ? undefined : this.#clock.wall() + ttlSeconds * 1_000
    const { token, record } = await this.#provisioning.tokens.create({ name, scopes, impersonate: customer, expiresAt })
    await this.#write('tokenAdd', { id: record.id, name, scopes, customer })
    return { token, id: record.id }
  }

  async tokenList(): Promise<{ tokens: TokenView[] }> {
    const tokens = await this.#provisioning.tokens.list()
    return {
      tokens: tokens.map(({ id, name, scopes, impersonate, createdAt, expiresAt = null }) => {
        return { id, name, scopes, customer: impersonate, createdAt, expiresAt }
      }),
    }
  }

  async tokenRemove({ id }: { id: string }): Promise<{ removed: string }> {
    await this.#provisioning.tokens.remove(id)
    await this.#write('tokenRemove', { id })
    return { removed: id }
  }

  async auditRead({
    limit = AUDIT_DEFAULT,
    about,
  }: {
    limit?: number
    about?: string
  }): Promise<{ lines: AuditView[] }> {
    return { lines: await this.#provisioning.audit.read({ count: limit, about }) }
  }

  async accountsImport({ rows }: { rows: Record<string, unknown>[] }): Promise<ImportResult> {
    const result: ImportResult = { added: 0, updated: 0, failures: [] }
    const waiting = rows.entries()
    const work = async (): Promise<void> => {
      for (const [index, row] of waiting) {
        try {
          result[await this.#importRow(row)] += 1
        } catch (error) {
          result.failures.push(failureOf(index, error))
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(IMPORT_WIDTH, rows.length) }, work))
    result.failures.sort((a, b) => a.index - b.index)
    return result
  }

  async #importRow(row: Record<string, unknown>): Promise<'added' | 'updated'> {
    const { username, domain, aliases, balance, ...fields } = row
    const account = { id: { username, domain }, ...fields }
    const more = { ...(aliases !== undefined && { aliases }), ...(balance !== undefined && { balance }) }
    try {
      if (Object.keys(more).length > 0) await this.#run('Platform.addSubscriber', { subscriber: { account, ...more } })
      else await this.#run('Sip.addAccount', { account })
      return 'added'
    } catch (error) {
      if (errorCode(error) !== 'PROVISION_ACCOUNT_EXISTS') throw error
      await this.#run('Sip.updateAccount', { account })
      return 'updated'
    }
  }

  async accountsExport({ start, count, digests = false }: { start: number; count: number; digests?: boolean }) {
    const kept = this.#exported
    const fresh = start > 0 && kept !== undefined && this.#clock.now() - kept.at < EXPORT_KEPT_MS
    const records = fresh ? kept.records : await this.#directory.accounts()
    const isLast = start + count >= records.length
    this.#exported = isLast ? undefined : { at: this.#clock.now(), records }
    const rows = records.slice(start, start + count).map((record) => this.#exportRow(record, digests))
    return { rows, total: records.length } satisfies ExportResult
  }

  #exportRow(record: AccountRecord, digests: boolean): Record<string, unknown> {
    const { user = '', domain = '' } = splitAor(record.aor) ?? {}
    const { firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota } = record
    const { quickdialPrefix, timeout, region, callLimit, aliases, acl, properties } = record
    const { ha1Md5, ha1bMd5 } = digests ? this.#directory.credentials(record) : { ha1Md5: '', ha1bMd5: '' }
    return {
      ...{ username: user, domain, ...(digests && { password: `${ha1Md5}:${ha1bMd5}` }) },
      ...{ firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota, quickdialPrefix, timeout },
      ...{ region, enum_trees: record.enumTrees ?? [], callLimit, aliases, acl, properties },
    }
  }

  /** What is no operation of provisioning is in the audit log all the same. */
  #write(operation: string, args: Record<string, unknown>): Promise<void> {
    const line = { who: caller.username, impersonate: 0, from: '', via: 'cli', outcome: 'done' } as const
    return this.#provisioning.audit.write({ ...line, operation, args: JSON.stringify(args) })
  }
}

function failureOf(index: number, error: unknown): ImportFailure {
  const code = errorCode(error)
  // What went wrong inside is no matter of the row.
  return { index, code: code ?? 'INTERNAL', message: code ? errorMessage(error) : 'internal error' }
}
