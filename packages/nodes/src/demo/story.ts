/**
 * The story: three nodes and two phones, a call, the death of a node in the middle of the next, the calls after it, and the
 * records of them all. Each act ends in checks; what cannot go on throws.
 *
 * Who dies: the home of alice's account, and the phones use the other two. So the death takes from the ring the very node
 * that decides for the caller, yet neither a node that holds a phone's flow nor the one that carries the sound: relays are
 * chosen with the home of the caller last. The SDP that the caller got proves where the relay is; should it be on the home
 * all the same, the call is hung up and made anew.
 */
import { ThorError } from '@thor-node/core'
import type { CallView } from '../control/contract.ts'
import { alice, aorOf, bob, type Cast, dial, listen, type Phones, picture, type Talk, until, wait } from './cast.ts'
import { CALL_AGAIN_LIMIT_MS, DNS_LIMIT_MS, LATE_LIMIT_MS, SERVED_AGAIN_LIMIT_MS } from './limits.ts'
import { lookUp } from './lookup.ts'
import { Phone } from './phone.ts'
import { checkRecords, type ExpectedCall } from './records.ts'
import { showMs } from './report.ts'
import { dnsOf, type StageNode, sipOf } from './stage.ts'

const NODES = 3
const TALK_MS = 2_000
const REDIALS_MAX = 12

/** Nodes by their part. */
interface Parts {
  /** The edge of alice's phone, and of bob's. */
  first: StageNode
  second: StageNode
  /** Home of alice's account: it dies. */
  victim: StageNode
}

export interface Told {
  phones: Phones
  records: CallView[]
}

/** @param onPhones hands the phones over as soon as they are there, so that they are stopped whatever happens */
export async function tellStory(cast: Cast, onPhones: (phones: Phone[]) => void): Promise<CallView[]> {
  const domain = await startNodes(cast)
  const secrets = await addAccounts(cast, domain)
  const parts = await assignParts(cast, secrets.alice.aor)
  const phones = makePhones(cast, parts, secrets)
  onPhones([phones.alice, phones.bob])
  await registerPhones(cast, parts, phones, domain)
  const made: ExpectedCall[] = []
  await firstCall(cast, phones, made)
  const talk = await nodeDies(cast, parts, phones, domain, made)
  await endThroughSurvivor(cast, parts, phones, talk, made)
  await nodeReturns(cast, parts, phones, domain, made)
  return checkRecords(cast, parts.victim, made)
}

async function startNodes(cast: Cast): Promise<string> {
  const { stage, report, clock, random } = cast
  report.act('Three servers become one service')
  await stage.choose(NODES, random)
  for (let i = 0; i < NODES; i++) {
    const startedAt = clock.now()
    const node = await stage.add()
    const how = i === 0 ? 'made the ring' : 'joined by invite'
    report.check(`${node.name} at ${node.host} ${how} and serves`, true, showMs(clock.now() - startedAt))
  }
  const at = clock.now()
  const status = await stage.settled()
  report.check('each of the 4096 ranges has three replicas', true, showMs(clock.now() - at))
  await picture(cast, stage.nodes[0] as StageNode, 0)
  return status.domain
}

interface Secrets {
  alice: { aor: string; password: string }
  bob: { aor: string; password: string }
}

async function addAccounts({ stage, report, clock }: Cast, domain: string): Promise<Secrets> {
  report.act('Two accounts')
  const [first, second, third] = stage.nodes as [StageNode, StageNode, StageNode]
  const add = async (node: StageNode, user: string) => {
    const { account, password } = await node.control.accountAdd({ aor: aorOf(user, domain), displayName: user })
    return { aor: account.aor, password }
  }
  const secrets = { alice: await add(first, alice.user), bob: await add(second, bob.user) }
  const at = clock.now()
  const seen = await third.control.accountList({ domain })
  const aors = seen.accounts.map(({ aor }) => aor)
  report.check(
    `${alice.user}, made on ${first.name}, and ${bob.user}, made on ${second.name}, are on ${third.name} at once`,
    aors.includes(secrets.alice.aor) && aors.includes(secrets.bob.aor),
    showMs(clock.now() - at),
  )
  return secrets
}

async function assignParts({ stage, report }: Cast, aor: string): Promise<Parts> {
  const where = await (stage.nodes[0] as StageNode).control.where({ aor })
  const victim = stage.nodes.find(({ name }) => name === where.home)
  if (!victim) throw new ThorError('DEMO_NOT_READY', `no running node is home of ${aor}`)
  const [first, second] = stage.nodes.filter((node) => node !== victim) as [StageNode, StageNode]
  report.tell(`${aor} lives in range ${where.range}, and ${victim.name} is its home. The phones use the other two.`)
  return { first, second, victim }
}

function makePhones(cast: Cast, { first, second }: Parts, secrets: Secrets): Phones {
  const { clock, random, net, stage } = cast
  const components = { clock, random, net, logger: cast.logger }
  const tones = {
    alice: { toneHz: alice.toneHz, peerToneHz: bob.toneHz },
    bob: { toneHz: bob.toneHz, peerToneHz: alice.toneHz },
  }
  return {
    alice: new Phone(components, {
      ...secrets.alice,
      ...tones.alice,
      algorithm: 'SHA-256',
      host: stage.host(alice.last),
      proxy: sipOf(first),
    }),
    bob: new Phone(components, {
      ...secrets.bob,
      ...tones.bob,
      algorithm: 'MD5',
      host: stage.host(bob.last),
      proxy: sipOf(second),
    }),
  }
}

async function registerPhones(cast: Cast, parts: Parts, phones: Phones, domain: string): Promise<void> {
  const { report, clock } = cast
  const { first, second, victim } = parts
  report.act('Two phones register, and DNS names the nodes')
  await phones.alice.start()
  await phones.bob.start()
  const one = await phones.alice.register()
  report.check(`alice registered through ${first.name}, digest SHA-256`, one.status === 200, showOutcome(one))
  const two = await phones.bob.register()
  report.check(`bob registered through ${second.name}, digest MD5`, two.status === 200, showOutcome(two))
  const where = await victim.control.where({ aor: phones.bob.aor })
  const edges = where.contacts.map(({ edge }) => edge)
  report.check(
    `${victim.name} knows that bob is reached through ${second.name}`,
    edges.length === 1 && edges[0] === second.name,
    edges.join(', ') || 'no contact',
  )
  const at = clock.now()
  const everyone = cast.stage.nodes.map(({ host }) => host).sort()
  const answer = await lookUp(cast, dnsOf(first), domain)
  report.check(`DNS names all three for ${domain}`, answer?.join() === everyone.join(), showMs(clock.now() - at))
}

const showOutcome = ({ status, reason, tookMs }: { status: number; reason?: string; tookMs: number }): string =>
  status === 200 ? showMs(tookMs) : `${status} ${reason ?? ''}`.trim()

/** A call that must come about for the story to go on. */
async function mustDial(cast: Cast, what: string, from: Phone, to: Phone): Promise<Talk> {
  const { talk, status, tookMs } = await dial(cast, from, to)
  cast.report.check(what, talk !== undefined, showOutcome({ status, tookMs }))
  if (!talk) throw new ThorError('DEMO_CALL_FAILED', `the call to ${to.aor} ended with ${status}`)
  return talk
}

async function checkTones(cast: Cast, talk: Talk, ms: number): Promise<void> {
  const heard = listen(talk)
  await wait(cast, ms)
  const { held, figure } = heard()
  cast.report.check('each hears the tone of the other', held, figure)
}

async function firstCall(cast: Cast, phones: Phones, made: ExpectedCall[]): Promise<void> {
  const { report } = cast
  report.act('They talk')
  const talk = await mustDial(cast, 'alice calls bob, bob answers', phones.alice, phones.bob)
  report.tell(`alice sends 440 Hz, bob 660 Hz, and both listen. The sound goes through ${relayName(cast, talk)}.`)
  await checkTones(cast, talk, TALK_MS)
  await hangUp(cast, 'alice hangs up', phones.alice, talk, 'caller', made)
}

async function hangUp(
  { report, clock, ...cast }: Cast,
  what: string,
  phone: Phone,
  talk: Talk,
  side: 'caller' | 'callee',
  made: ExpectedCall[],
): Promise<void> {
  const at = clock.now()
  const durationMs = at - talk.caller.answeredAt
  const outcome = await phone.hangUp(talk[side])
  const other = talk[side === 'caller' ? 'callee' : 'caller']
  const told = await until({ report, clock, ...cast }, at, 1_000, () => other.end)
  report.check(what, outcome.status === 200 && told?.value.by === 'peer', showOutcome(outcome))
  made.push({ callId: talk.caller.callId, durationMs, endCause: side === 'caller' ? 'bye-caller' : 'bye-callee' })
}

function relayName({ stage }: Cast, { caller }: Talk): string {
  const host = caller.relay?.host
  return stage.nodes.find((node) => node.host === host)?.name ?? `${host ?? 'nowhere'}, which is no node`
}

/** A call whose sound does not go through the node that shall die. */
async function callPast(cast: Cast, parts: Parts, phones: Phones, made: ExpectedCall[]): Promise<Talk> {
  for (let i = 0; i < REDIALS_MAX; i++) {
    const talk = await mustDial(cast, 'alice calls bob again', phones.alice, phones.bob)
    if (relayName(cast, talk) !== parts.victim.name) return talk
    cast.report.tell(`The relay is on ${parts.victim.name}, which shall die and would take the sound along: once more.`)
    await hangUp(cast, 'alice hangs up', phones.alice, talk, 'caller', made)
  }
  throw new ThorError('DEMO_CALL_FAILED', `the relay was on ${parts.victim.name} in ${REDIALS_MAX} calls`)
}

async function nodeDies(cast: Cast, parts: Parts, phones: Phones, domain: string, made: ExpectedCall[]): Promise<Talk> {
  const { report, clock, stage } = cast
  const { first, second, victim } = parts
  report.act(`${victim.name} is killed in the middle of a call`)
  const talk = await callPast(cast, parts, phones, made)
  report.tell(`The sound goes through ${relayName(cast, talk)}. kill -9 ${victim.name}, the home of alice.`)
  await wait(cast, 500)
  const heard = listen(talk)
  await stage.kill(victim)
  const since = clock.now()

  const survivors = [first, second]
    .map(({ host }) => host)
    .sort()
    .join()
  const lookedUp = until(cast, since, LATE_LIMIT_MS, async () => {
    const { home, contacts } = await first.control.where({ aor: phones.alice.aor })
    return home !== null && home !== victim.name && contacts.length === 1 ? home : undefined
  })
  const registered = until(cast, since, LATE_LIMIT_MS, async () =>
    (await phones.alice.register()).status === 200 ? true : undefined,
  )
  const called = until(cast, since, LATE_LIMIT_MS, async () => (await dial(cast, phones.bob, phones.alice)).talk)
  const forgotten = until(cast, since, LATE_LIMIT_MS, async () =>
    (await lookUp(cast, dnsOf(second), domain))?.join() === survivors ? true : undefined,
  )
  const [home, again, call, dns] = await Promise.all([lookedUp, registered, called, forgotten])

  const inTime = (what: string, result: { afterMs: number } | undefined, limitMs: number): void => {
    const figure = result ? showMs(result.afterMs) : `not in ${showMs(LATE_LIMIT_MS)}`
    report.check(what, result !== undefined && result.afterMs <= limitMs, `${figure} after the kill`)
  }
  inTime(`alice is found again, with her contact: home is now ${home?.value ?? 'nobody'}`, home, SERVED_AGAIN_LIMIT_MS)
  inTime('alice registered again', again, SERVED_AGAIN_LIMIT_MS)
  inTime('a new call, bob to alice, was answered', call, CALL_AGAIN_LIMIT_MS)
  inTime(`DNS no longer names ${victim.host}`, dns, DNS_LIMIT_MS)
  if (call) {
    await checkTones(cast, call.value, TALK_MS)
    await hangUp(cast, 'bob hangs up the new call', phones.bob, call.value, 'caller', made)
  } else await wait(cast, TALK_MS)
  const { held, figure } = heard()
  report.check('the call that was going on went on all the time', held && !talk.caller.end && !talk.callee.end, figure)
  await picture(cast, first, 1)
  return talk
}

async function endThroughSurvivor(
  cast: Cast,
  { first, second }: Parts,
  phones: Phones,
  talk: Talk,
  made: ExpectedCall[],
): Promise<void> {
  cast.report.act('Any survivor takes the BYE')
  cast.report.tell(`The call was set up through ${first.name}. alice's phone now knows ${second.name} only.`)
  phones.alice.useProxy(sipOf(second))
  await hangUp(
    cast,
    `alice hangs up through ${second.name}, and bob's phone is told`,
    phones.alice,
    talk,
    'caller',
    made,
  )
}

async function nodeReturns(
  cast: Cast,
  { second, victim }: Parts,
  phones: Phones,
  domain: string,
  made: ExpectedCall[],
): Promise<void> {
  const { report, clock, stage } = cast
  report.act(`${victim.name} comes back`)
  const at = clock.now()
  await stage.restart(victim)
  report.check(`${victim.name}, started again on its data, serves`, true, showMs(clock.now() - at))
  await stage.settled()
  report.check('each range has its three replicas again', true, showMs(clock.now() - at))
  const everyone = stage.nodes
    .map(({ host }) => host)
    .sort()
    .join()
  const dns = await until(cast, at, LATE_LIMIT_MS, async () =>
    (await lookUp(cast, dnsOf(second), domain))?.join() === everyone ? true : undefined,
  )
  report.check('DNS names all three again', dns !== undefined, dns ? showMs(dns.afterMs) : 'not yet')
  phones.alice.useProxy(sipOf(victim))
  const talk = await mustDial(cast, `alice calls bob through ${victim.name}`, phones.alice, phones.bob)
  await checkTones(cast, talk, TALK_MS)
  await hangUp(cast, 'bob hangs up', phones.bob, talk, 'callee', made)
  await picture(cast, victim, 0)
}
