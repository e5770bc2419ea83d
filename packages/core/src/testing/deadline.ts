/**
 * Runs a test body with a time limit, which uvu lacks: `test('…', deadline(2_000, async () => { … }))`.
 * The limit is a guard against hanging, never an assertion about speed: choose it generously.
 */
export function deadline<A extends unknown[]>(
  limitMs: number,
  body: (...args: A) => void | Promise<void>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    let handle: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      handle = setTimeout(() => reject(new Error(`no end after ${limitMs} ms`)), limitMs)
    })
    try {
      await Promise.race([body(...args), late])
    } finally {
      clearTimeout(handle)
    }
  }
}

/** Waits until `condition` returns something truthy and returns it; polls, so no test needs a fixed sleep. */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  limitMs = 10_000,
  what = 'condition',
): Promise<NonNullable<T>> {
  const until = performance.now() + limitMs
  let last: unknown
  while (performance.now() < until) {
    try {
      const value = await condition()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(
    `${what} did not come true in ${limitMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  )
}
