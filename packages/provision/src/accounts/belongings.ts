import { type Balance, closed } from '@thor-node/accounting'
import type { Aor, Decision, Versioned } from '@thor-node/core'
import { numbersChange } from '@thor-node/dns'
import type { RegisterChange, RegisterKind, Registers } from './registers.ts'

/** Registers of an account that go when it goes: who gets the address next finds nothing of them. */
const kinds: readonly RegisterKind[] = ['prefs', 'phonebook', 'voicemail', 'presence']

const gone = (current: Versioned<unknown> | undefined): Decision<unknown, null> =>
  current ? { body: undefined, result: null } : { keep: true, result: null }

/** The parts of a transaction that clear what is kept of an account beside itself. `id` names the closing line of its ledger. */
export async function clearingBelongings(registers: Registers, aor: Aor, id: string): Promise<RegisterChange[]> {
  const entity = `subscriber://${aor}`
  const names: [RegisterKind, string][] = [
    ...kinds.map((kind): [RegisterKind, string] => [kind, aor]),
    ['profiles', entity],
  ]
  const [balance, ...found] = await Promise.all([
    registers.read<Balance>('bal', aor),
    ...names.map(([kind, name]) => registers.read(kind, name)),
  ])
  const changes: RegisterChange[] = names
    .filter((_, index) => found[index] !== undefined)
    .map(([kind, name]) => ({ kind, name, fn: gone }))
  if (balance) changes.push({ kind: 'bal', name: aor, fn: closing(id) })
  return changes
}

/** Lines of money are kept; the balance itself ends at nothing. */
const closing =
  (id: string) =>
  (current: Versioned<unknown> | undefined, now: number): Decision<unknown, null> => {
    if (!current) return { keep: true, result: null }
    return { body: closed(current.body as Balance, { opId: id }, now), result: null }
  }

/** The parts of a transaction that delete ENUM numbers, `<number>/<tree>`, which still map to the account. `now`: epoch milliseconds. */
export const numbersGone = (names: readonly string[], aor: Aor, now: number): RegisterChange[] =>
  numbersChange(
    names.map((name) => {
      const [number = '', tld = ''] = name.split('/')
      return {
        id: { number, tld },
        fn: (before) => (before?.mappings.some(({ mapto }) => mapto === `sip:${aor}`) ? undefined : before),
      }
    }),
    now,
  )
