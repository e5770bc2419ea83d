import { askedWhileWarming } from './asked-while-warming.ts'
import type { Scenario } from './contract.ts'
import { lastCopy } from './last-copy.ts'
import { lateAccept } from './late-accept.ts'
import { newcomersGone } from './newcomers-gone.ts'
import { openTransaction } from './open-transaction.ts'
import { removedApart } from './removed-apart.ts'
import { staleQuorum } from './stale-quorum.ts'

/** By the name that `--scenario` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'asked-while-warming': askedWhileWarming,
  'last-copy': lastCopy,
  'late-accept': lateAccept,
  'newcomers-gone': newcomersGone,
  'open-transaction': openTransaction,
  'removed-apart': removedApart,
  'stale-quorum': staleQuorum,
}
