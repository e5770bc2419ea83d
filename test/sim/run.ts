import type { Balance, Voucher } from '@thor-node/accounting'
import { sleep } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { Acceptors } from './checkers/acceptors.ts'
import { checkAppends } from './checkers/append-list.ts'
import { checkBindings } from './checkers/binding-found.ts'
import { checkCalls, checkMoney, checkVouchers } from './checkers/money.ts'
import { OneConfig } from './checkers/one-config.ts'
import { checkOutside } from './checkers/outside.ts'
import { checkRest, checkWritable } from './checkers/rest.ts'
import { checkSets, type Found } from './checkers/set-found.ts'
import { checkTransfers } from './checkers/transfers.ts'
import { Warming } from './checkers/warming.ts'
import { WithinLimits } from './checkers/within-limits.ts'
import { POT_COINS, type Pot } from './clients/mover.ts'
import { Cluster } from './cluster.ts'
import { Director } from './faults/director.ts'
import { type Fault, planFaults } from './faults/plan.ts'
import { History } from './history.ts'
import { drawProfile, type Profile, type ProfileWish } from './profile.ts'
import { Relays } from './relays.ts'
import type { Scenario } from './scenarios/contract.ts'
import { Stage } from './scenarios/stage.ts'
import { Sight } from './sight.ts'
import type { SimNode } from './sim-node.ts'
import { Stranger } from './stranger.ts'
import { type Records, Workload } from './workload.ts'

export interface SimulationInit {
  seed: number
  /** What is not to be drawn from the seed. */
  profile?: ProfileWish
  /** After the faults the ring gets so long to come to rest. @default 60000 */
  quietMs?: number
  /** Planted: disks that say that they synced and did not. */
  ignoresSync?: boolean
  /** Only these of the planned faults. */
  faults?: readonly number[]
  /** What happens, instead of clients and faults by chance. */
  scenario?: Scenario
}

export interface Outcome {
  seed: number
  profile: Profile
  plan: readonly Fault[]
  wrong: string[]
  /** Same seed, same hash. */
  hash: string
  simulatedMs: number
  counts: string
  trace: readonly string[]
}

/** After the faults a ring takes changes everywhere. */
const WRITABLE_AFTER_MS = 30_000
const PACE_MS = 400

/** One run: form a ring, work, make trouble, let it come to rest, judge. Throws only what the judges cannot explain. */
export async function simulate(init: SimulationInit): Promise<Outcome> {
  const drawn = new SimRandom(init.seed ^ 0x5eed)
  const { scenario } = init
  const profile = drawProfile(drawn, { ...init.profile, ...(scenario && profileOf(scenario)) })
  const all = planFaults(drawn, profile)
  const plan = init.faults ? all.filter(({ id }) => init.faults?.includes(id)) : all
  const cluster = new Cluster({
    seed: init.seed,
    profile,
    changes: { newNodeAfterMs: 1_000, deadNodeAfterMs: 10_000, tickMs: 2_000, ...scenario?.changes },
    ignoresSync: init.ignoresSync,
    // Weekly in real rings; here damage must be mended before the end.
    scrub: plan.some(({ kind }) => kind === 'bit-rot')
      ? { periodMs: 15_000, firstAfterMs: 3_000, stepMs: 300 }
      : undefined,
  })
  const configs = new OneConfig()
  const wrongMoney = new Set<string>()
  const acceptors = new Acceptors(
    (range, epoch) => configs.get(range, epoch),
    (name, read) => {
      if (!name.startsWith('bal/')) return
      const balance = read() as Balance | undefined
      if (balance) for (const wrong of checkMoney(name, balance)) wrongMoney.add(wrong)
    },
  )
  const limits = new WithinLimits(cluster)
  acceptors.onDecided = (name, opIds) => limits.remembered(name, opIds.length)
  const relays = new Relays()
  const warming = new Warming(cluster)
  cluster.watchers.push(acceptors, warming, limits, {
    config: (_, config) => configs.see(config),
    made: (node) => relays.serve(node),
    crashed: (node) => relays.stop(node, cluster.clock.now()),
  })
  const history = new History()
  const sight = new Sight(() => cluster.clock.now(), profile.faults === 'serial')
  const workload = new Workload(cluster, history, sight, PACE_MS)
  const stage = scenario && new Stage(workload.site)
  const stranger = new Stranger(cluster)
  let wrong: string[]
  try {
    await cluster.form()
    await cluster.run(stranger.start())
    if (stage) await cluster.run(scenario.play(stage))
    else {
      await cluster.run(workload.start())
      await cluster.run(
        new Director(cluster, sight, () => history.forgetBindings(cluster.clock.now())).run(plan, profile.faultsMs),
      )
      await cluster.run(workload.stop())
    }
    if (profile.powerCut) await cluster.run(cluster.powerCut(1_000 + drawn.int(4_000)))
    const restAt = cluster.clock.now() + (init.quietMs ?? 60_000)
    await cluster.run(sleep(cluster.clock, WRITABLE_AFTER_MS))
    wrong = await cluster.run(checkWritable(cluster))
    await cluster.run(sleep(cluster.clock, Math.max(0, restAt - cluster.clock.now())))
    wrong.push(...(await cluster.run(judge(cluster, history, stage ?? workload, relays))))
    wrong.push(...checkOutside(cluster, stranger))
  } catch (error) {
    wrong = [`the run did not come to its end: ${error instanceof Error ? error.message : String(error)}`]
  }
  if (cluster.broken) throw cluster.broken
  return {
    seed: init.seed,
    profile,
    plan,
    wrong: [...configs.wrong, ...acceptors.wrong, ...warming.wrong, ...limits.wrong, ...wrongMoney, ...wrong],
    hash: cluster.trace.hash,
    simulatedMs: cluster.clock.now(),
    counts: `${history.counts()}, configs ${configs.size}`,
    trace: cluster.trace.lines,
  }
}

/** Small and at rest: what happens is up to the scenario. */
const profileOf = ({ nodes, ranges }: Scenario): ProfileWish => ({
  nodes,
  ranges,
  spares: 0,
  faults: 'serial',
  faultsMs: 0,
  siteDelayMs: 0,
  powerCut: false,
})

async function judge(cluster: Cluster, history: History, records: Records, relays: Relays): Promise<string[]> {
  // First: what the judges themselves decide, some copy may get only by the next repair.
  const atRest = await checkRest(cluster)
  const store = cluster.nodes[0]?.overlay?.store
  const lists = new Map<string, readonly string[]>()
  for (const key of records.lists) {
    lists.set(key.name, (await store?.reg.read<string[]>(key, 'strict'))?.body ?? [])
  }
  await records.settle()
  const balances = new Map<string, Balance>()
  for (const key of records.balances) {
    const balance = (await store?.reg.read<Balance>(key, 'strict'))?.body
    if (balance) balances.set(key.name, balance)
  }
  const vouchers = new Map<string, Voucher>()
  for (const { key: name, range } of history.vouchers) {
    const voucher = (await store?.reg.read<Voucher>({ name, range }, 'strict'))?.body
    if (voucher) vouchers.set(name, voucher)
  }
  const pots = new Map<string, Pot>()
  for (const key of records.pots) {
    const pot = (await store?.reg.read<Pot>(key, 'strict'))?.body
    if (pot) pots.set(key.name, pot)
  }
  const nodes = await Promise.all(cluster.nodes.map((node) => finder(node, history)))
  return [
    ...history.broken,
    ...checkAppends(lists, history.appends, history.reads),
    ...checkSets(history.sets, nodes),
    ...checkBindings(history.binds, history.lookups),
    ...checkCalls(balances, history.calls, relays.forwarded),
    ...checkVouchers(history.vouchers, vouchers, balances),
    ...checkTransfers(pots, records.pots.length * POT_COINS, history.transfers, history.looks),
    ...atRest,
  ]
}

/** What a node says of every record. */
async function finder(node: SimNode, history: History): Promise<{ name: string; found: Found }> {
  const bodies = new Map<string, string>()
  for (const { name, range } of history.sets) {
    if (bodies.has(name)) continue
    const body = await node.overlay?.store.set.get<string>({ range, name })
    if (body !== undefined) bodies.set(name, body)
  }
  return { name: `n${node.index}`, found: (name) => bodies.get(name) }
}
