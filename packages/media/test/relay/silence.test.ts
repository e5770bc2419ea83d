import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { judgeSilence, type SilenceView } from '../../src/relay/silence.ts'

const test = suite('media silence')

const limits = { silenceMs: 60, noTrafficMs: 90, unansweredMs: 600, abandonedMs: 7200 }
const base: SilenceView = {
  talkingSince: 100,
  lastRtpAt: 200,
  describedAt: 100,
  held: false,
  reportedAt: undefined,
}

const cases: [what: string, view: Partial<SilenceView>, now: number, verdict: string, silentMs?: number][] = [
  ['talking', {}, 259, 'fine'],
  ['silent from the very millisecond', {}, 260, 'silent', 60],
  ['reported once', { reportedAt: 260 }, 1_000, 'fine'],
  ['a second silence', { lastRtpAt: 300, reportedAt: 260 }, 360, 'silent', 60],
  ['on hold', { held: true }, 5_000, 'fine'],
  ['back from hold: counts from there', { talkingSince: 1_000 }, 1_059, 'fine'],
  ['back from hold and still silent', { talkingSince: 1_000 }, 1_060, 'silent', 60],
  ['never a packet: more time', { lastRtpAt: undefined }, 189, 'fine'],
  ['never a packet: no traffic', { lastRtpAt: undefined }, 190, 'silent', 90],
  ['ringing', { talkingSince: undefined, lastRtpAt: undefined }, 699, 'fine'],
  ['ringing for ever', { talkingSince: undefined, lastRtpAt: undefined }, 700, 'abandoned'],
  ['nobody acts on silence', { reportedAt: 260 }, 7_400, 'abandoned'],
  ['forgotten on hold', { held: true }, 7_399, 'fine'],
  ['forgotten on hold for too long', { held: true }, 7_400, 'abandoned'],
]
for (const [what, view, now, verdict, silentMs] of cases) {
  test(what, () => {
    const judged = judgeSilence({ ...base, ...view }, now, limits)
    assert.equal(judged.verdict, verdict)
    assert.equal('silentMs' in judged ? judged.silentMs : undefined, silentMs)
  })
}

test.run()
