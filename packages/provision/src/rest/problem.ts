import { errorCode, errorMessage } from '@thor-node/core'
import { faultEntry } from '../errors.ts'

/** An error of REST (RFC 9457). `code` is the error code of this platform, `number` that of NGNPro. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code?: string
  number?: number
}

export function problemOf(error: unknown): Problem {
  const code = errorCode(error) ?? ''
  const entry = faultEntry(code)
  if (!entry) return problem(500, 'Internal error', 'the log of the node says more')
  const { status, text, number } = entry
  const detail = code.startsWith('STORE_') ? text : errorMessage(error)
  return { type: `urn:thor-node:error:${code}`, title: text, status, detail, code, number }
}

/** One that is about HTTP alone. */
export const problem = (status: number, title: string, detail: string): Problem => ({
  type: 'about:blank',
  title,
  status,
  detail,
})
