/** What is known of a session when its silence is judged. Clock times in milliseconds. */
export interface SilenceView {
  /** When both sides were known, or came back from hold; undefined before. */
  talkingSince: number | undefined
  lastRtpAt: number | undefined
  /** Last SDP of either side. */
  describedAt: number
  /** No stream is wanted now: all held, rejected or closed. */
  held: boolean
  /** When silence was last reported. */
  reportedAt: number | undefined
}

export interface SilenceLimits {
  silenceMs: number
  noTrafficMs: number
  unansweredMs: number
  abandonedMs: number
}

/** `silent` is to be reported now; `abandoned` is to be freed: nobody will. */
export type SilenceVerdict = { verdict: 'fine' } | { verdict: 'silent'; silentMs: number } | { verdict: 'abandoned' }

/**
 * Judges one session at one moment. Silence counts from the last RTP packet or the end of a hold, whichever is later; a
 * session where no packet ever came gets more time. One silence is reported once.
 */
export function judgeSilence(view: SilenceView, now: number, limits: SilenceLimits): SilenceVerdict {
  const lastSign = Math.max(view.describedAt, view.lastRtpAt ?? 0)
  if (now - lastSign >= limits.abandonedMs) return { verdict: 'abandoned' }
  if (view.talkingSince === undefined) {
    return now - view.describedAt >= limits.unansweredMs ? { verdict: 'abandoned' } : { verdict: 'fine' }
  }
  if (view.held) return { verdict: 'fine' }
  const since = Math.max(view.talkingSince, view.lastRtpAt ?? 0)
  const limitMs = view.lastRtpAt === undefined ? limits.noTrafficMs : limits.silenceMs
  if (now - since < limitMs) return { verdict: 'fine' }
  if (view.reportedAt !== undefined && view.reportedAt >= since) return { verdict: 'fine' }
  return { verdict: 'silent', silentMs: now - since }
}
