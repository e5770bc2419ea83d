/** The last act: one record for each answered call, and each tells the truth. */
import type { CallView } from '../control/contract.ts'
import { formatBytes, formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type Cast, until } from './cast.ts'
import { DURATION_TOLERANCE_MS, LATE_LIMIT_MS } from './limits.ts'
import { showMs } from './report.ts'
import { isRunning, type StageNode } from './stage.ts'

/** A call as the phones saw it. */
export interface ExpectedCall {
  callId: string
  /** From the answer to the BYE. */
  durationMs: number
  endCause: string
}

/** What is wrong with the records of these calls, as sentences; none when all is well. Pure. */
export function judgeRecords(
  records: readonly CallView[],
  calls: readonly ExpectedCall[],
): {
  count: string[]
  truth: string[]
  worstMs: number
} {
  const count: string[] = []
  const truth: string[] = []
  let worstMs = 0
  for (const { callId, durationMs, endCause } of calls) {
    const found = records.filter((record) => record.callId === callId)
    const [record] = found
    if (found.length !== 1) count.push(`call ${callId} has ${found.length} records`)
    if (!record) continue
    const offMs = Math.abs(record.durationSeconds * 1_000 - durationMs)
    worstMs = Math.max(worstMs, offMs)
    if (offMs > DURATION_TOLERANCE_MS)
      truth.push(`call ${callId}: ${record.durationSeconds} s, was ${showMs(durationMs)}`)
    if (record.endCause !== endCause) truth.push(`call ${callId}: ended by ${record.endCause}, was ${endCause}`)
    if (record.bytesCaller === 0 || record.bytesCallee === 0) truth.push(`call ${callId}: no media counted`)
  }
  const strangers = records.filter((record) => !calls.some(({ callId }) => callId === record.callId))
  for (const { callId } of strangers) count.push(`nobody made call ${callId}`)
  return { count, truth, worstMs }
}

const columns = [
  { title: 'STARTED (UTC)' },
  { title: 'CALLER' },
  { title: 'CALLEE' },
  { title: 'SECONDS', align: 'right' as const },
  { title: 'END' },
  { title: 'MEDIA', align: 'right' as const },
  { title: 'CODECS' },
]

export async function checkRecords(cast: Cast, node: StageNode, calls: readonly ExpectedCall[]): Promise<CallView[]> {
  const { report, stage, clock, paint } = cast
  report.act('The records')
  const closed = await until(cast, clock.now(), LATE_LIMIT_MS, async () => {
    const { calls: records } = await node.control.calls({})
    return records.length >= calls.length && records.every(({ endedAt }) => endedAt !== null) ? records : undefined
  })
  const records = closed?.value ?? (await node.control.calls({})).calls
  const rows = records.map((record) => [
    formatTime(record.startedAt),
    record.caller,
    record.callee,
    String(record.durationSeconds),
    record.endCause ?? 'goes on',
    formatBytes(record.bytesCaller + record.bytesCallee),
    record.codecs.join(' '),
  ])
  report.picture(renderTable(columns, rows, paint))
  const { count, truth, worstMs } = judgeRecords(records, calls)
  report.check(
    'exactly one record for each answered call, and no other',
    count.length === 0,
    count.length === 0 ? `${records.length} of ${calls.length}` : count.join('; '),
  )
  report.check(
    'each is closed, with the right duration, cause and media',
    closed !== undefined && truth.length === 0,
    truth.length === 0 ? `at most ${showMs(worstMs)} off` : truth.join('; '),
  )
  const key = (views: readonly CallView[]): string =>
    JSON.stringify(views.map(({ callUuid, durationSeconds }) => [callUuid, durationSeconds]).sort())
  const views = await Promise.all(stage.nodes.filter(isRunning).map(({ control }) => control.calls({})))
  const same = views.filter((view) => key(view.calls) === key(records)).length
  report.check('every node tells the same', same === views.length, `${same} of ${views.length} nodes`)
  return records
}
