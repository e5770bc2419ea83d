/**
 * Constructors do no I/O. `start` and `stop` are idempotent; a parent stops what it started, in reverse order.
 */
export interface Lifecycle {
  start(): Promise<void>
  /** Takes no new work and lets what runs finish, as far as that makes sense for the part. */
  drain?(): Promise<void>
  stop(): Promise<void>
}

/** Starts parts in order; when one fails, stops those before it and rethrows. */
export async function startAll(parts: readonly Lifecycle[]): Promise<void> {
  const started: Lifecycle[] = []
  try {
    for (const part of parts) {
      await part.start()
      started.push(part)
    }
  } catch (error) {
    await stopAll(started).catch(() => undefined)
    throw error
  }
}

/** Stops parts in reverse order, every one of them; several failures become one AggregateError. */
export async function stopAll(parts: readonly Lifecycle[]): Promise<void> {
  const failures: unknown[] = []
  for (const part of parts.toReversed()) {
    try {
      await part.stop()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, 'several parts failed to stop')
}
