/** What a verb needs of its surroundings; tests give their own. */
import { MessageChannel } from 'node:worker_threads'
import { type Clock, systemClock } from '@thor-node/core'
import { loadConfig, type Surroundings, systemSurroundings } from '../config.ts'
import { type ControlClient, connectControl } from '../control/client.ts'
import { type Paint, paintFor } from '../status/paint.ts'

export interface Console {
  /** To standard output, with a newline. */
  print(text: string): void
  /** To standard error, with a newline. */
  complain(text: string): void
  /** To a terminal's last line, over what was sketched there before. */
  sketch(text: string): void
  /** The command did what it should, and this is what programs shall learn from it. */
  exitWith(code: number): void
  /** What `exitWith` said. */
  readonly exitCode: number
  paint: Paint
  /** A person watches: screens may be redrawn. */
  terminal: boolean
  /** Whoever read what is printed has gone (`| head`): what only shows things has nothing left to do. */
  readonly unread: boolean
  around: Surroundings
  clock: Clock
  /** Timers of the clock do not keep the process alive; this does, until the function that it returns is called. */
  hold(): () => void
  /** The node that keeps its things in `data`. */
  connect(data: string): ControlClient
}

export function systemConsole(): Console {
  const around = systemSurroundings()
  let exitCode = 0
  let unread = false
  process.stdout.on('error', () => {
    unread = true
  })
  return {
    get unread() {
      return unread
    },
    sketch: (text) => void process.stderr.write(`\r${text}\u001b[K`),
    exitWith(code) {
      exitCode = code
    },
    get exitCode() {
      return exitCode
    },
    print: (text) => void process.stdout.write(`${text}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
    paint: paintFor(process.stdout, process.env),
    terminal: process.stdout.isTTY === true,
    around,
    clock: systemClock,
    hold() {
      const { port1 } = new MessageChannel()
      port1.on('message', () => undefined)
      return () => port1.close()
    },
    connect: connectControl,
  }
}

/** Options that every verb has that talks to a node. */
export interface NodeOptions {
  data?: string
  config?: string
  json?: boolean
}

/** The data directory that the options, the environment or the file name. */
export function dataOf(console: Console, options: NodeOptions): string {
  return loadConfig({ data: options.data, config: options.config }, console.around).config.data
}

/** The node that has it. */
export function nodeOf(console: Console, options: NodeOptions): ControlClient {
  return console.connect(dataOf(console, options))
}

/** The result as JSON, or as `render` shows it. */
export function show<T>(console: Console, options: NodeOptions, result: T, render: (result: T) => string): void {
  console.print(options.json ? JSON.stringify(result, null, 2) : render(result))
}
