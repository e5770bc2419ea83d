/** Starts a node in the foreground and stays with it until a signal, or until it cannot go on. */
import { errorMessage, type Logger, sleep } from '@thor-node/core'
import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import type { RunningNode, StartNode } from '../control/contract.ts'
import { createLogger } from '../logger.ts'
import { paintFor } from '../status/paint.ts'
import { renderBanner } from './banner.ts'
import type { Console } from './console.ts'
import { addSettings, type SettingOptions, settingsOf } from './settings.ts'
import { examplesText } from './verb.ts'

const EXIT_INTERRUPTED = 130

interface JoinOptions extends SettingOptions {
  wake?: boolean
  acceptOldCopy?: boolean
}

/** What join needs of the process; tests give their own. */
export interface JoinProcess {
  startNode: StartNode
  /** Calls back at SIGTERM and SIGINT, each time. */
  onSignal(listener: (signal: string) => void): void
  /** Calls back at errors that nobody caught. */
  onUncaught(listener: (error: unknown) => void): void
  exit(code: number): void
}

async function systemProcess(): Promise<JoinProcess> {
  const { startNode } = await import('../node.ts')
  return {
    startNode,
    onSignal(listener) {
      process.on('SIGTERM', () => listener('SIGTERM'))
      process.on('SIGINT', () => listener('SIGINT'))
    },
    onUncaught(listener) {
      process.on('uncaughtException', listener)
      process.on('unhandledRejection', listener)
    },
    exit: (code) => process.exit(code),
  }
}

type End = { cause: 'left' } | { cause: 'signal'; signal: string } | { cause: 'failed'; error: unknown }

/** Runs until the end and returns the exit code. @throws ThorError when the settings are wrong or the node cannot start */
export async function runJoin(
  console: Console,
  invite: string | undefined,
  options: JoinOptions,
  outside: JoinProcess,
): Promise<number> {
  const { wake, acceptOldCopy, ...settings } = options
  const { config, sources } = loadConfig(settingsOf(settings), console.around)
  const log: Logger = createLogger({ ...config.log })

  const { promise: ended, resolve: end } = Promise.withResolvers<End>()
  let signals = 0
  outside.onSignal((signal) => {
    if (++signals > 1) {
      console.complain('Stopped at once.')
      outside.exit(EXIT_INTERRUPTED)
    }
    end({ cause: 'signal', signal })
  })
  // While it starts, an error that nobody caught ends the node; later it is logged and the node goes on: it may have come
  // from outside, and what comes from outside ends no process. The disk has a way of its own (`fatal`).
  let running = false
  outside.onUncaught((error) => {
    if (!running) return end({ cause: 'failed', error })
    log.error('an error that nobody caught; please report it', { error })
    if (error instanceof Error && error.stack) log.error(error.stack)
  })

  const starting = outside.startNode(config, {
    logger: log,
    invite,
    wake,
    acceptOldCopy,
    onProgress: (step) => log.info(step),
  })
  const first = await Promise.race([starting, ended])
  if ('cause' in first) {
    if (first.cause === 'failed') return fail(console, log, first.error)
    log.info('interrupted while starting')
    // What was started so far is stopped when it has finished starting, if that comes soon.
    const undo = starting.then((node) => node.stop()).catch(() => undefined)
    await Promise.race([undo, sleep(console.clock, config.shutdown.limit)])
    return 0
  }

  const node: RunningNode = first
  running = true
  const dir = sources.data?.kind === 'default' ? undefined : config.data
  if (config.log.format === 'json') log.info('ready', { ...node.banner, invite: undefined })
  else console.print(`\n${renderBanner(node.banner, console.paint, dir)}\n`)

  const last = await Promise.race([
    ended,
    node.fatal.then((error): End => ({ cause: 'failed', error })),
    node.left.then((): End => ({ cause: 'left' })),
  ])
  if (last.cause === 'left') log.info('this node has left the ring')
  if (last.cause === 'signal') log.info('stopping', { signal: last.signal })
  const code = last.cause === 'failed' ? fail(console, log, last.error) : 0
  const stopped = node.stop().then(
    () => true,
    (error: unknown) => {
      log.error('the node did not stop cleanly', { error })
      return false
    },
  )
  const clean = await Promise.race([stopped, sleep(console.clock, config.shutdown.limit).then(() => undefined)])
  if (clean === undefined) log.warn('stopping took too long and was cut short')
  else if (clean) log.info('stopped')
  return clean === true ? code : 1
}

function fail(console: Console, log: Logger, error: unknown): number {
  log.error('the node cannot go on', { error })
  if (error instanceof Error && error.stack) log.debug(error.stack)
  const paint = paintFor(process.stderr, console.around.env)
  console.complain(paint.red(`thor-node ends: ${errorMessage(error)}`))
  return 1
}

export const joinVerb = (console: Console): Command =>
  addSettings(
    new Command('join')
      .description(
        'Start this node and stay in the foreground. Without an invite it makes a ring, or returns to the one that it is ' +
          'in; with an invite it joins one.',
      )
      .argument('[invite]', 'what another node printed ("thor-node invite")')
      .option('--config <file>', 'YAML file with settings (THOR_CONFIG; else thor.yaml in the data directory)')
      .option('--wake', 'accept certificates that ended while the whole ring was off, for an hour; on all nodes, once')
      .option(
        '--accept-old-copy',
        'use this disk though the other nodes remember a later state of it: what it forgot is lost, for good. ' +
          'Only when no other copy is left; else join as a new node with an invite',
      )
      .addHelpText(
        'after',
        `${examplesText(`thor-node join --domain example.com
         thor-node join <invite>
         thor-node join --data /tmp/n2 --address 127.0.0.2 --log json`)}
Every setting is also a variable (--sip-udp is THOR_SIP_UDP) and a line of the file (sip: { udp: 5060 }).
docs/CONFIG.md has them all. "thor-node config check" shows what holds.`,
      ),
  ).action(async (invite: string | undefined, options: JoinOptions) => {
    const outside = await systemProcess()
    outside.exit(await runJoin(console, invite, options, outside))
  })
