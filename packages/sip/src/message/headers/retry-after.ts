/** Retry-After (RFC 3261 §20.33): seconds, then maybe a comment and parameters. */
import { parseSeconds } from './contact.ts'

/** Seconds; undefined when there is none, or none that can be read. */
export const retryAfterOf = (value: string | undefined): number | undefined =>
  parseSeconds(value?.trim().split(/[\s;(]/)[0])
