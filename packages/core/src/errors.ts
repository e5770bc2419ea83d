/**
 * An operation failed. `code` is stable (`PACKAGE_WHAT`, listed in docs/ERRORS.md) and is what code may branch on;
 * `message` says what happened and, where an operator can do something about it, what to do next.
 *
 * Not for protocol refusals (those are values, such as `{ reject: 404 }`) nor for our own mistakes (those are `assert`).
 */
export class ThorError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ThorError'
    this.code = code
  }
}

/** The `code` of anything thrown: of a ThorError, of a Node system error, else undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
