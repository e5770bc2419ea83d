/**
 * Time as an argument. Nothing outside this file reads a clock, so a whole cluster can run in one process under a
 * simulated one (`core/testing`).
 */
export interface Timer {
  /** Idempotent; a timer that has fired is cancelled already. */
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds since an arbitrary start. For durations, leases, expiry. */
  now(): number
  /** Milliseconds since the Unix epoch. For stamps that people read; never decides safety. */
  wall(): number
  /** Calls `fn` once after `afterMs`. A pending timer does not keep the process alive. */
  after(afterMs: number, fn: () => void): Timer
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(afterMs, fn) {
    const handle = setTimeout(fn, afterMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** A reason to end a sleep early. Made once: an abort without a reason makes an error with a stack each time. */
export const ENOUGH: Error = new Error('enough')

/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Whether it settles, well or badly, within `ms`. It is waited for no longer; what it throws is the caller's to look at. */
export function inTime(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false))
    const end = (): void => {
      timer.cancel()
      resolve(true)
    }
    promise.then(end, end)
  })
}

/**
 * Runs `fn` every `periodMs`, first after `firstMs` (default: one period); never overlaps with itself. What `fn`
 * throws goes to `onError`.
 */
export function every(
  clock: Clock,
  periodMs: number,
  fn: () => void | Promise<void>,
  onError: (error: unknown) => void,
  firstMs: number = periodMs,
): Timer {
  let stopped = false
  let timer: Timer
  const run = async (): Promise<void> => {
    try {
      await fn()
    } catch (error) {
      onError(error)
    }
    if (!stopped) timer = clock.after(periodMs, run)
  }
  timer = clock.after(firstMs, run)
  return {
    cancel() {
      stopped = true
      timer.cancel()
    },
  }
}
