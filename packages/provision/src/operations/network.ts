import { failure } from '../errors.ts'
import { type Operation, operation, required } from '../schema/operation.ts'

export const networkPort: readonly Operation[] = [
  operation({
    port: 'Network',
    name: 'getStatus',
    doc: 'Tells the nodes with their roles: a JSON object, by node id.',
    who: 'admin',
    rest: 'GET /network/status',
    input: {},
    output: 'string',
    run: async (context) => JSON.stringify(await context.network.status()),
  }),
  operation({
    port: 'Network',
    name: 'getStatistics',
    doc: 'Counts accounts, devices and calls: a JSON object, by node address, role, section and domain; summary has the sums.',
    who: 'admin',
    rest: 'GET /network/statistics',
    input: {},
    output: 'string',
    run: async (context) => JSON.stringify(await context.network.statistics()),
  }),
]

export const mediaOperations: readonly Operation[] = [
  operation({
    port: 'Sip',
    name: 'getSipTrace',
    doc: 'SIP messages of a call. They are not kept by this platform yet: always refused.',
    who: 'admin',
    rest: 'GET /sip/trace',
    aliases: ['getTrace'],
    input: { filter: 'SipTraceFilter' },
    output: 'string',
    faults: ['PROVISION_NOT_IMPLEMENTED'],
    async run() {
      throw failure('PROVISION_NOT_IMPLEMENTED', 'SIP messages are not kept by this platform')
    },
  }),
  operation({
    port: 'Sip',
    name: 'getMediaTrace',
    doc: 'What the media of a call were: a JSON object with duration and streams.',
    who: 'admin',
    rest: 'GET /sip/media/trace',
    input: { filter: 'MediaTraceFilter' },
    output: 'string',
    faults: ['PROVISION_TRACE_UNKNOWN'],
    async run(context, args) {
      const { callId, fromTag, toTag } = required(args.filter, 'filter')
      const trace = await context.network.mediaTrace({ callId: required(callId, 'filter.callId'), fromTag, toTag })
      if (!trace) throw failure('PROVISION_TRACE_UNKNOWN', 'there is no media trace of that session')
      return JSON.stringify(trace)
    },
  }),
  operation({
    port: 'Sip',
    name: 'getMediaSummary',
    doc: 'Tells the media relays with what they carry now: a JSON array.',
    who: 'admin',
    rest: 'GET /sip/media/summary',
    input: {},
    output: 'string',
    run: async (context) => JSON.stringify(await context.network.mediaSummary()),
  }),
  operation({
    port: 'Sip',
    name: 'getMediaSessions',
    doc: 'Tells the calls whose media are relayed now: a JSON array.',
    who: 'admin',
    rest: 'GET /sip/media/sessions',
    input: {},
    output: 'string',
    run: async (context) => JSON.stringify(await context.network.mediaSessions()),
  }),
]
