/** Follows aliases from home to home until somebody rings or refuses; every address is remembered, so loops end. */
import { type Aor, splitAor } from '@thor-node/core'
import type { Diversion, Home, PlanQuery, Target } from '../delegates.ts'
import { REDIRECTS_MAX } from '../proxy/limits.ts'

export type Route =
  | ({ verdict: 'ring'; account: Aor; targets: readonly Target[] } & Trail)
  | { verdict: 'keep'; account: Aor }
  /** The trail leads out of the domains served here. */
  | ({ verdict: 'foreign'; aor: Aor } & Trail)
  | { verdict: 'refuse'; status: number; reason: string }

export interface Trail {
  /** Every address on the way, the first that was asked for first. */
  trail: readonly Aor[]
  diversions: readonly Diversion[]
}

/** Rejects as `home.plan` does. */
export async function followPlan(home: Home, query: PlanQuery): Promise<Route> {
  const visited = new Set<Aor>()
  const diversions: Diversion[] = []
  let { aor } = query
  for (;;) {
    if (visited.has(aor) || visited.size > REDIRECTS_MAX)
      return { verdict: 'refuse', status: 482, reason: 'Loop Detected' }
    visited.add(aor)
    const plan = await home.plan({ ...query, aor })
    if (plan.verdict === 'refuse' || plan.verdict === 'keep') return plan
    if (plan.verdict === 'ring') return { ...plan, trail: [...visited], diversions }
    if (plan.diversion) diversions.push(plan.diversion)
    aor = plan.aor
    const domain = splitAor(aor)?.domain
    if (domain === undefined) return { verdict: 'refuse', status: 404, reason: 'Not Found' }
    if (!home.servesDomain(domain)) return { verdict: 'foreign', aor, trail: [...visited, aor], diversions }
  }
}
