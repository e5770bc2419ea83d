/** The driver's end of the load: starts it inside the clients' network and collects what it tells. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Entry } from './history.ts'
import type { FromLoad, LoadInit, ToLoad } from './load-messages.ts'

export class LoadProcess {
  readonly history: Entry[] = []
  readonly #child: ChildProcess
  #waiting: { type: FromLoad['type']; done: () => void; fail: (error: Error) => void } | undefined
  #ended = false

  constructor(prefix: readonly string[], init: LoadInit) {
    const program = [...prefix, process.execPath, join(import.meta.dirname, 'load.ts'), JSON.stringify(init)]
    this.#child = spawn(program[0] as string, program.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', (message: FromLoad) => {
      if (message.type === 'operations') this.history.push(...message.list)
      if (this.#waiting?.type === message.type) this.#waiting.done()
    })
    this.#child.once('exit', (code, signal) => {
      this.#ended = true
      this.#waiting?.fail(new Error(`the load ended with ${code ?? signal}`))
    })
  }

  /** Resolves when clients are at work. */
  ready(): Promise<void> {
    return this.#wait('ready')
  }

  tell(message: ToLoad): void {
    if (!this.#ended) this.#child.send(message)
  }

  /** No new operations; resolves when those under way have ended, and all is in `history`. */
  async quiet(): Promise<void> {
    const quiet = this.#wait('quiet')
    this.tell({ type: 'quiet' })
    await quiet
  }

  async fill(accounts: number): Promise<void> {
    const filled = this.#wait('filled')
    this.tell({ type: 'fill', accounts })
    await filled
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    const gone = new Promise((done) => this.#child.once('exit', done))
    this.tell({ type: 'stop' })
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), 3_000)
    await gone
    clearTimeout(hard)
  }

  #wait(type: FromLoad['type']): Promise<void> {
    if (this.#ended) return Promise.reject(new Error('the load has ended'))
    return new Promise<void>((done, fail) => {
      this.#waiting = { type, done, fail }
    })
  }
}
