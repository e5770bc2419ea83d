import { rangeOf } from './range.ts'
import type { RecordKey } from './record-store.ts'

/** An address of record without scheme, canonical: `alice@example.com`. User parts are case-sensitive, hosts are not. */
export type Aor = string

export function makeAor(user: string, domain: string): Aor {
  return `${user}@${domain.toLowerCase()}`
}

/** User and domain of an AOR, or undefined when it is not one. */
export function splitAor(aor: string): { user: string; domain: string } | undefined {
  const at = aor.lastIndexOf('@')
  if (at <= 0 || at === aor.length - 1) return undefined
  return { user: aor.slice(0, at), domain: aor.slice(at + 1) }
}

/** The key of a record of this kind that belongs to `placementKey`: `recordKey('acct', 'alice@example.com')`. */
export function recordKey(kind: string, placementKey: string): RecordKey {
  return { range: rangeOf(placementKey), name: `${kind}/${placementKey}` }
}
