/**
 * The response context of RFC 3261 §16.7 as a pure machine: which branches run, what is forwarded, what is cancelled.
 *
 *                 start
 *                   | start the branches of the first group
 *                   v
 *   +---------- forking ----------+   1xx        -> forward (not 100), Timer C again
 *   |  next group   |             |   2xx        -> forward at once, cancel the others
 *   |  when all of  |<------------+   6xx        -> cancel the others, no more groups
 *   |  this failed  |                 CANCEL     -> cancel the others, no more groups
 *   | or rang long  |                 group time -> cancel this group, start the next
 *   +---------------+                 Timer C    -> cancel that branch, 408 at once when it never spoke
 *                   | every branch final
 *                   v
 *                 done                2xx of an INVITE is still forwarded
 */
export interface BranchState {
  group: number
  phase: 'waiting' | 'trying' | 'proceeding' | 'final'
  /** Final status; 408 and 503 also for time-outs and broken transports (§16.9). */
  status?: number
}

export interface ContextState {
  invite: boolean
  branches: readonly BranchState[]
  group: number
  /** No further group may start: a 2xx or 6xx came, or the caller gave up. */
  closed: boolean
  cancelled: boolean
  /** A final response went upstream. */
  answered: boolean
}

export type ContextInput =
  | { type: 'start' }
  | { type: 'response'; branch: number; status: number }
  | { type: 'failure'; branch: number; cause: 'timeout' | 'transport' }
  | { type: 'timer-c'; branch: number }
  /** The group at hand has had its time, and another waits. */
  | { type: 'group-timer' }
  | { type: 'cancel' }

export type ContextEffect =
  | { type: 'start-branch'; branch: number }
  | { type: 'cancel-branch'; branch: number }
  | { type: 'start-timer-c' | 'stop-timer-c'; branch: number }
  /** Of the group that was just started; one timer, which a new group starts anew. */
  | { type: 'start-group-timer' }
  /** Sends the response at hand upstream. */
  | { type: 'forward' }
  /** Sends the best final response upstream: of that branch, with this status when none was received there. */
  | { type: 'respond'; branch: number; status: number }

export interface Step {
  state: ContextState
  effects: ContextEffect[]
}

/** `groups[i]` = the group of branch i, 0 first. */
export function initialContext(invite: boolean, groups: readonly number[]): ContextState {
  const branches = groups.map((group): BranchState => ({ group, phase: 'waiting' }))
  return { invite, branches, group: -1, closed: false, cancelled: false, answered: false }
}

export function step(state: ContextState, input: ContextInput): Step {
  switch (input.type) {
    case 'start':
      return state.group < 0 ? goOn(state, []) : ignore(state)
    case 'response':
      return onResponse(state, input.branch, input.status)
    case 'failure':
      return onFinal(state, input.branch, input.cause === 'timeout' ? 408 : 503)
    case 'timer-c':
      return onTimerC(state, input.branch)
    case 'group-timer':
      return onGroupTimer(state)
    case 'cancel': {
      if (state.answered || state.cancelled) return ignore(state)
      return goOn({ ...state, cancelled: true, closed: true }, cancelRunning(state))
    }
  }
}

const ignore = (state: ContextState): Step => ({ state, effects: [] })

function onResponse(state: ContextState, branch: number, status: number): Step {
  const was = state.branches[branch]
  if (!was) return ignore(state)
  if (status >= 200) {
    // RFC 6026: further 2xx of the same branch, and of others after the end, go upstream as they come.
    if (was.phase === 'final') {
      if (!state.invite || !isSuccess(status)) return ignore(state)
      // The first of them may have been picked up while the next group rings.
      const others = state.answered ? [] : cancelRunning(state)
      return { state: { ...state, answered: true, closed: true }, effects: [{ type: 'forward' }, ...others] }
    }
    return onFinal(state, branch, status)
  }
  if (was.phase === 'final') return ignore(state)
  const effects: ContextEffect[] = []
  // Each provisional response but 100 gives it more time (§16.7 step 2).
  if (state.invite && status > 100) effects.push({ type: 'start-timer-c', branch })
  // Nothing provisional but 100 goes upstream for other methods (RFC 4320 §4.1).
  if (state.invite && status > 100 && !state.answered) effects.push({ type: 'forward' })
  return { state: withBranch(state, branch, { ...was, phase: 'proceeding' }), effects }
}

function onFinal(before: ContextState, branch: number, status: number): Step {
  const was = before.branches[branch]
  if (!was || was.phase === 'final') return ignore(before)
  const effects: ContextEffect[] = before.invite ? [{ type: 'stop-timer-c', branch }] : []
  let state = withBranch(before, branch, { ...was, phase: 'final', status })
  if (isSuccess(status)) {
    if (state.invite || !state.answered) effects.push({ type: 'forward' })
    effects.push(...cancelRunning(state))
    state = { ...state, answered: true, closed: true }
  } else if (status >= 600) {
    effects.push(...cancelRunning(state))
    state = { ...state, closed: true }
  }
  return goOn(state, effects)
}

function onTimerC(state: ContextState, branch: number): Step {
  const was = state.branches[branch]
  if (was?.phase === 'proceeding') return { state, effects: [{ type: 'cancel-branch', branch }] }
  if (was?.phase !== 'trying') return ignore(state)
  // What it said may have been nothing to forward, and yet have told the transaction to wait for more.
  const { state: after, effects } = onFinal(state, branch, 408)
  return { state: after, effects: [{ type: 'cancel-branch', branch }, ...effects] }
}

/** Those that ring without an answer are as good as timed out; a 2xx that crosses the CANCEL counts. */
function onGroupTimer(before: ContextState): Step {
  const waits = before.branches.some(({ phase }) => phase === 'waiting')
  if (before.closed || before.answered || !waits) return ignore(before)
  const effects = cancelRunning(before)
  const branches = before.branches.map((branch, index): BranchState => {
    if (!isRunning(branch)) return branch
    effects.push({ type: 'stop-timer-c', branch: index })
    return { ...branch, phase: 'final', status: 408 }
  })
  return goOn({ ...before, branches }, effects)
}

/** Starts the next group when nothing runs; answers when nothing is left to try. */
function goOn(state: ContextState, effects: ContextEffect[]): Step {
  if (state.answered || state.branches.some(isRunning)) return { state, effects }
  const waiting = state.branches.filter((branch) => branch.phase === 'waiting').map((branch) => branch.group)
  if (!state.closed && waiting.length > 0) {
    const group = Math.min(...waiting)
    const branches = state.branches.map((branch, index): BranchState => {
      if (branch.phase !== 'waiting' || branch.group !== group) return branch
      effects.push({ type: 'start-branch', branch: index })
      if (state.invite) effects.push({ type: 'start-timer-c', branch: index })
      return { ...branch, phase: 'trying' }
    })
    if (state.invite && waiting.some((other) => other !== group)) effects.push({ type: 'start-group-timer' })
    return { state: { ...state, group, branches }, effects }
  }
  effects.push({ type: 'respond', ...chooseBest(state) })
  return { state: { ...state, answered: true, closed: true }, effects }
}

/** §16.7 step 6. A caller who gave up hears 487, whatever the branches had to say about it. */
export function chooseBest(state: ContextState): { branch: number; status: number } {
  let best: { branch: number; status: number } | undefined
  for (const [branch, { status }] of state.branches.entries()) {
    if (status === undefined || (best && rank(status) >= rank(best.status))) continue
    best = { branch, status }
  }
  if (state.cancelled && (!best || best.status === 408 || best.status === 503)) return { branch: -1, status: 487 }
  return best ?? { branch: -1, status: state.cancelled ? 487 : 480 }
}

/** Within 4xx those that tell the caller how to do better come first; time-outs and overload come last of their class. */
const PREFERRED = [401, 407, 415, 420, 484]

function rank(status: number): number {
  if (status >= 600) return 0
  const within = PREFERRED.includes(status) ? 0 : status === 408 || status === 503 ? 2 : 1
  return Math.floor(status / 100) * 10 + within
}

function cancelRunning(state: ContextState): ContextEffect[] {
  if (!state.invite) return []
  const running = state.branches.flatMap((branch, index) => (isRunning(branch) ? [index] : []))
  return running.map((branch) => ({ type: 'cancel-branch', branch }))
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300
const isRunning = (branch: BranchState): boolean => branch.phase === 'trying' || branch.phase === 'proceeding'

function withBranch(state: ContextState, index: number, branch: BranchState): ContextState {
  return { ...state, branches: state.branches.map((old, i) => (i === index ? branch : old)) }
}
