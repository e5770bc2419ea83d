/** What the demo tells, line by line, and the same as facts. */
import type { Paint } from '../status/paint.ts'

export interface Check {
  /** A sentence that is true if it held. */
  what: string
  held: boolean
  /** What was measured, with its unit: `312 ms`. */
  figure: string
}

export interface Act {
  title: string
  checks: Check[]
}

export interface DemoReport {
  held: boolean
  seconds: number
  /** Data directories; null once they are removed. */
  data: string | null
  acts: Act[]
  /** Calls as the ring recorded them. */
  records: unknown[]
  /** Why it ended early, if it did. */
  failure: string | null
}

const FIGURE_COLUMN = 66

/** 412 → `412 ms`, 2345 → `2.3 s` */
export const showMs = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

export class Report {
  readonly acts: Act[] = []
  readonly #print: (text: string) => void
  readonly #paint: Paint

  constructor(print: (text: string) => void, paint: Paint) {
    this.#print = print
    this.#paint = paint
  }

  /** At least one check, and every one held. */
  get held(): boolean {
    const checks = this.acts.flatMap((act) => act.checks)
    return checks.length > 0 && checks.every((check) => check.held)
  }

  act(title: string): void {
    this.acts.push({ title, checks: [] })
    this.#print(`\n${this.#paint.bold(`${this.acts.length}. ${title}`)}`)
  }

  /** What is about to happen, or why. */
  tell(text: string): void {
    this.#print(`   ${this.#paint.dim(text)}`)
  }

  picture(text: string): void {
    this.#print(`\n${text.replace(/^(?=.)/gm, '   ')}\n`)
  }

  check(what: string, held: boolean, figure = ''): boolean {
    this.acts.at(-1)?.checks.push({ what, held, figure })
    const mark = held ? this.#paint.green('✓') : this.#paint.red('✗')
    const text = held ? what : this.#paint.red(what)
    this.#print(`   ${mark} ${text}${' '.repeat(Math.max(2, FIGURE_COLUMN - what.length))}${figure}`.trimEnd())
    return held
  }
}
