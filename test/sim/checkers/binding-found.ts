import type { Bind, Lookup } from '../history.ts'

/**
 * A look-up shows the last binding that was acknowledged before it began, or a later one; and never one that was removed, or
 * replaced, before it began. Each name has one writer, so its versions are in order.
 */
export function checkBindings(binds: readonly Bind[], lookups: readonly Lookup[]): string[] {
  const wrong: string[] = []
  const byName = Map.groupBy(binds, (bind) => bind.name)
  for (const lookup of lookups) {
    const versions = byName.get(lookup.name) ?? []
    let last: Bind | undefined
    for (const bind of versions) {
      if (isForgotten(bind, lookup)) continue
      if (bind.acknowledgedAt !== undefined && bind.acknowledgedAt < lookup.invokedAt) last = bind
    }
    if (!last) continue
    const floor = last.seq
    const say = (what: string): void => {
      wrong.push(`${lookup.name}: a look-up at ${lookup.invokedAt.toFixed(0)} ${what}`)
    }
    for (const seq of lookup.seqs) if (seq < floor) say(`saw ${seq}, though ${floor} was acknowledged`)
    const later = versions.some((bind) => bind.seq > floor && bind.invokedAt < lookup.endedAt)
    const mustShow = !last.gone && last.expiresAt > lookup.endedAt && !later
    if (mustShow && !lookup.seqs.includes(floor)) say(`did not find ${floor}`)
    if (last.gone && !later && lookup.seqs.length > 0) say(`found ${lookup.seqs.join(' ')} after its removal`)
  }
  return wrong
}

/** All memories were lost between the two. */
function isForgotten({ forgottenAt }: Bind, { endedAt }: Lookup): boolean {
  return forgottenAt !== undefined && forgottenAt <= endedAt
}
