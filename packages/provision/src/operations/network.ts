import type { TracedSip } from '../delegates.ts'
import { failure } from '../errors.ts'
import { type Operation, operation, required } from '../schema/operation.ts'
import { dateText } from './scope.ts'

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

/** Has a message these tags? To has none in the first request, which belongs to the call all the same. */
function hasTags(text: string, fromTag = '', toTag = ''): boolean {
  const tagOf = (header: RegExp): string | undefined => {
    const value = header.exec(text)?.[1]
    return value === undefined ? undefined : /;[ \t]*tag[ \t]*=[ \t]*([^;\s]+)/i.exec(value)?.[1]
  }
  const tags = [tagOf(/\r\n(?:from|f)[ \t]*:([^\r\n]*)/i), tagOf(/\r\n(?:to|t)[ \t]*:([^\r\n]*)/i)]
  return (
    (fromTag === '' || tags.includes(fromTag)) && (toTag === '' || tags.includes(toTag) || tags.includes(undefined))
  )
}

/** As portals know it. */
function traceRow({ at, direction, transport, local, remote, text }: TracedSip, index: number) {
  const [first = ''] = text.split('\r\n', 1)
  const status = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first)
  const method = status ? (/\r\ncseq[ \t]*:[ \t]*\d+[ \t]+(\w+)/i.exec(text)?.[1] ?? '') : (first.split(' ')[0] ?? '')
  const [own, other] = [`${transport}:${local}`, `${transport}:${remote}`]
  return {
    id: index + 1,
    time_stamp: dateText(at),
    direction,
    method,
    status: status ? `${status[1]} ${status[2]}`.trim() : '',
    from_ip: direction === 'in' ? other : own,
    to_ip: direction === 'in' ? own : other,
    message: Buffer.from(text, 'latin1').toString('utf8'),
  }
}

export const mediaOperations: readonly Operation[] = [
  operation({
    port: 'Sip',
    name: 'getSipTrace',
    doc:
      'SIP messages of a call of an account that is traced (startSipTrace), as the nodes saw them: a JSON array, by time. Empty when ' +
      'nobody of the call is traced.',
    who: 'admin',
    rest: 'GET /sip/trace',
    input: { filter: 'SipTraceFilter' },
    output: 'string',
    async run(context, args) {
      const { nodeIp, callId, fromTag, toTag } = required(args.filter, 'filter')
      const messages = await context.traces.ofCall({ callId: required(callId, 'filter.callId'), nodeIp })
      return JSON.stringify(messages.filter(({ text }) => hasTags(text, fromTag, toTag)).map(traceRow))
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
