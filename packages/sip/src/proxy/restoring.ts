/** Responses on their way up. */
import type { SipRequest } from '../message/contract.ts'
import type { ForkHooks } from './fork.ts'
import { restore } from './identity.ts'
import { grantRefreshes, type SessionTimes } from './session-timer.ts'

/** They go up with what the caller wrote, whatever the callee was shown. */
export const restoring = (hooks: ForkHooks, request: SipRequest, sessions: SessionTimes): ForkHooks => ({
  prepare: async (branch, response, hop) => {
    grantRefreshes(response, request, sessions)
    const prepared = await hooks.prepare(branch, response, hop)
    return prepared && restore(prepared, request)
  },
  onFinal: (status) => hooks.onFinal(status),
})
