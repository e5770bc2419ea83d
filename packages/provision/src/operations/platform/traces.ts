/** SIP traces of accounts. */
import { failure, invalid } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { type Operation, operation } from '../../schema/operation.ts'
import { dateText, ownedAddress } from '../scope.ts'

const DEFAULT_SECONDS = 600

/** `n1=12,n2=7` */
function readAfter(text: string): Record<string, number> {
  const pairs = text.split(',').filter((pair) => pair !== '')
  const read = pairs.map((pair) => /^([\w.-]{1,64})=(\d{1,12})$/.exec(pair))
  if (read.includes(null)) throw invalid('after', 'is not like n1=12,n2=7')
  return Object.fromEntries(read.map((match) => [match?.[1] as string, Number(match?.[2])]))
}

export const traceOperations: readonly Operation[] = [
  operation({
    port: 'Platform',
    name: 'startSipTrace',
    doc:
      'Keeps all SIP messages of an account on all nodes, in memory and in bounds, for so many seconds (0: 600; at most 3600): then the ' +
      'trace ends, and what was kept is forgotten.',
    who: 'admin',
    rest: 'PUT /sip/traces/{sipId}',
    input: { sipId: 'SipId', seconds: 'int' },
    faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_TRACES_FULL'],
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      const { body } = await context.directory.getAccount(aor)
      const seconds = args.seconds || DEFAULT_SECONDS
      if (!Number.isInteger(seconds) || seconds < 1 || seconds > limits.traceSecondsMax) {
        throw invalid('seconds', `is not a number from 1 to ${limits.traceSecondsMax}`)
      }
      const running = await context.traces.list()
      if (running.length >= limits.tracesMax && !running.some(({ account }) => account === aor)) {
        throw failure('PROVISION_TRACES_FULL', `there are ${limits.tracesMax} traces already`)
      }
      const startedAt = context.clock.wall()
      const names = [aor, ...body.aliases]
      await context.traces.begin({ account: aor, names, startedAt, until: startedAt + seconds * 1_000 })
    },
  }),
  operation({
    port: 'Platform',
    name: 'stopSipTrace',
    doc: 'Ends the trace of an account; what was kept is forgotten.',
    who: 'admin',
    rest: 'DELETE /sip/traces/{sipId}',
    input: { sipId: 'SipId' },
    faults: ['PROVISION_SIP_TRACE_UNKNOWN'],
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      if (!(await context.traces.end(aor))) throw failure('PROVISION_SIP_TRACE_UNKNOWN', `${aor} is not traced`)
    },
  }),
  operation({
    port: 'Platform',
    name: 'getSipTraces',
    doc: 'Tells which accounts are traced now.',
    who: 'admin',
    rest: 'GET /sip/traces',
    input: {},
    output: 'SipTraceRunArray',
    async run(context) {
      const now = context.clock.wall()
      return (await context.traces.list()).map(({ account, startedAt, until }) => ({
        account,
        startDate: dateText(startedAt),
        secondsLeft: Math.max(0, Math.ceil((until - now) / 1_000)),
      }))
    },
  }),
  operation({
    port: 'Platform',
    name: 'getSipTraceMessages',
    doc:
      'Tells what was kept of an account that is traced, by time: a JSON object with messages, the nodes that did not answer (silent), how ' +
      'many were dropped, and now. after says what is known already, by node: n1=12,n2=7.',
    who: 'admin',
    rest: 'GET /sip/traces/{sipId}/messages',
    input: { sipId: 'SipId', after: 'string' },
    output: 'string',
    async run(context, args) {
      const { aor } = await ownedAddress(context, args.sipId, 'sipId')
      return JSON.stringify(await context.traces.read(aor, readAfter(args.after ?? '')))
    },
  }),
]
