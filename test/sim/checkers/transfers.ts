import type { Pot } from '../clients/mover.ts'
import type { Look, Transfer } from '../history.ts'

/** I9: each transfer is in both pots or in none, acknowledged ones are; no coin is made or lost; no reader sees half of one. */
export function checkTransfers(
  pots: ReadonlyMap<string, Pot>,
  coinsInAll: number,
  transfers: readonly Transfer[],
  looks: readonly Look[],
): string[] {
  const wrong: string[] = []
  const has = (pot: string, opId: string): number => pots.get(pot)?.opIds.filter((one) => one === opId).length ?? 0
  for (const { opId, from, to, acknowledged } of transfers) {
    const [out, into] = [has(from, opId), has(to, opId)]
    if (out !== into || out > 1) wrong.push(`I9 ${opId}: ${out} times out of ${from} and ${into} times into ${to}`)
    if (acknowledged && out === 0) wrong.push(`I9 acknowledged ${opId} from ${from} to ${to} is lost`)
  }
  const coins = [...pots.values()].reduce((sum, pot) => sum + pot.coins, 0)
  if (coins !== coinsInAll) wrong.push(`I9 ${coins} coins are in all pots instead of ${coinsInAll}`)
  const byId = new Map(transfers.map((one) => [one.opId, one]))
  for (const { first, second, firstIds, secondIds } of looks) {
    for (const opId of firstIds) {
      const { from, to } = byId.get(opId) ?? {}
      if ((from === second || to === second) && !secondIds.includes(opId)) {
        wrong.push(`I9 a reader saw ${opId} in ${first} and then not in ${second}`)
      }
    }
  }
  return wrong
}
