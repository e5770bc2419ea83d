/** Follows aliases from home to home until somebody rings or refuses; every address is remembered, so loops end. */
import { type Aor, splitAor } from '@thor-node/core'
import type { Home, PlanQuery, Target } from '../delegates.ts'
import { REDIRECTS_MAX } from '../proxy/limits.ts'

export type Route =
  | { verdict: 'ring'; account: Aor; targets: readonly Target[] }
  /** The trail leads out of the domains served here. */
  | { verdict: 'foreign'; aor: Aor }
  | { verdict: 'refuse'; status: number; reason: string }

/** Rejects as `home.plan` does. */
export async function followPlan(home: Home, query: PlanQuery): Promise<Route> {
  const visited = new Set<Aor>()
  let { aor } = query
  for (;;) {
    if (visited.has(aor) || visited.size > REDIRECTS_MAX)
      return { verdict: 'refuse', status: 482, reason: 'Loop Detected' }
    visited.add(aor)
    const plan = await home.plan({ ...query, aor })
    if (plan.verdict !== 'redirect') return plan
    aor = plan.aor
    const domain = splitAor(aor)?.domain
    if (domain === undefined) return { verdict: 'refuse', status: 404, reason: 'Not Found' }
    if (!home.servesDomain(domain)) return { verdict: 'foreign', aor }
  }
}
