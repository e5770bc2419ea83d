/** What can be asked of a node about provisioning. Part of `NodeOperations`. */

export interface ApiCallQuery {
  /** `Sip.getAccount` */
  operation: string
  /** By name, as REST takes them in JSON. */
  args: Record<string, unknown>
}

export interface AdminView {
  user: string
  /** Epoch milliseconds. */
  changedAt: number
}

export interface TokenView {
  id: string
  name: string
  scopes: string[]
  /** Customer or reseller whose rights it has; 0 = all. */
  customer: number
  createdAt: number
  /** Null: never. */
  expiresAt: number | null
}

export interface TokenAddQuery {
  name: string
  scopes: string[]
  customer?: number
  ttlSeconds?: number
}

export interface AuditView {
  at: number
  node: string
  who: string
  impersonate: number
  from: string
  via: string
  operation: string
  args: string
  outcome: string
}

/** One row of an import that was not done. */
export interface ImportFailure {
  /** Within the request, from 0. */
  index: number
  code: string
  message: string
}

export interface ImportResult {
  added: number
  /** They were there, and have what the row says now. */
  updated: number
  failures: ImportFailure[]
}

export interface ExportResult {
  /** As an import takes them. */
  rows: Record<string, unknown>[]
  total: number
}

export interface ProvisionContract {
  /** Runs an operation with all rights. Rejects with what it is refused with. */
  apiCall(query: ApiCallQuery): Promise<{ value: unknown }>
  /** Makes a password when none is given. Rejects with `PROVISION_ADMIN_EXISTS`. */
  adminAdd(query: { user: string; password?: string }): Promise<{ user: string; password: string }>
  adminList(): Promise<{ admins: AdminView[] }>
  /** Rejects with `PROVISION_ADMIN_UNKNOWN`. */
  adminRemove(query: { user: string }): Promise<{ removed: string }>
  /** The token is told this once. */
  tokenAdd(query: TokenAddQuery): Promise<{ token: string; id: string }>
  tokenList(): Promise<{ tokens: TokenView[] }>
  /** Rejects with `PROVISION_TOKEN_UNKNOWN`. */
  tokenRemove(query: { id: string }): Promise<{ removed: string }>
  /** The latest changes first. `about`: only lines that have this text. */
  auditRead(query: { limit?: number; about?: string }): Promise<{ lines: AuditView[] }>
  /** Adds accounts, or updates those that are there: the same rows again change nothing. */
  accountsImport(query: { rows: Record<string, unknown>[] }): Promise<ImportResult>
  /** In order of address. `digests`: with what an import takes as the password. */
  accountsExport(query: { start: number; count: number; digests?: boolean }): Promise<ExportResult>
}
