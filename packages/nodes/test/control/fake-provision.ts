import { ThorError } from '@thor-node/core'
import type { ProvisionContract } from '../../src/control/provision-contract.ts'
import { FakeDns } from './fake-dns.ts'

const AT = Date.UTC(2026, 10, 23, 12)

/** What a node says of provisioning. */
export class FakeProvision extends FakeDns implements ProvisionContract {
  /** Rows that were imported. */
  readonly imported: Record<string, unknown>[] = []
  /** The import fails from this row on. */
  importBreaksAt = Number.POSITIVE_INFINITY

  async apiCall(query: Parameters<ProvisionContract['apiCall']>[0]) {
    this.asked.push(['apiCall', query])
    return { value: query.operation.includes('get') ? { id: 1 } : null }
  }

  async adminAdd({ user, password = 'made' }: Parameters<ProvisionContract['adminAdd']>[0]) {
    this.asked.push(['adminAdd', { user, password }])
    return { user, password }
  }

  async adminList() {
    return { admins: [{ user: 'eve', changedAt: AT }] }
  }

  async adminRemove({ user }: { user: string }) {
    this.asked.push(['adminRemove', { user }])
    return { removed: user }
  }

  async tokenAdd(query: Parameters<ProvisionContract['tokenAdd']>[0]) {
    this.asked.push(['tokenAdd', query])
    return { token: 'thor_0123456789ab_secret', id: '0123456789ab' }
  }

  async tokenList() {
    const token = { id: '0123456789ab', name: 'portal', scopes: ['*'], customer: 7, createdAt: AT, expiresAt: null }
    return { tokens: [token] }
  }

  async tokenRemove({ id }: { id: string }) {
    this.asked.push(['tokenRemove', { id }])
    return { removed: id }
  }

  async auditRead(query: Parameters<ProvisionContract['auditRead']>[0]) {
    this.asked.push(['auditRead', query])
    const line = { at: AT, node: 'n1', who: 'admin', impersonate: 7, from: '192.0.2.1', via: 'soap', outcome: 'done' }
    return { lines: [{ ...line, operation: 'Sip.addAccount', args: '{"account":{}}' }] }
  }

  async accountsImport({ rows }: Parameters<ProvisionContract['accountsImport']>[0]) {
    if (this.imported.length + rows.length > this.importBreaksAt)
      throw new ThorError('CONTROL_FAILED', 'the node is gone')
    this.imported.push(...rows)
    const wrong = rows.flatMap(({ username }, index) => (username === 'wrong' ? [index] : []))
    const failures = wrong.map((index) => ({ index, code: 'PROVISION_INVALID_VALUE', message: 'no' }))
    return { added: rows.length - failures.length, updated: 0, failures }
  }

  async accountsExport({ start, count }: Parameters<ProvisionContract['accountsExport']>[0]) {
    const rows = Array.from({ length: 2_500 }, (_, index) => ({
      username: `u${index}`,
      domain: 'd',
      groups: ['a', 'b'],
    }))
    return { rows: rows.slice(start, start + count), total: rows.length }
  }
}
