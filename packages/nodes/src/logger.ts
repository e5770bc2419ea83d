/**
 * The Logger of core over pino: readable lines for people, or a JSON object a line for machines. What looks like a secret
 * is never written, whatever it was logged with.
 */
import type { LogFields, Logger } from '@thor-node/core'
import { type DestinationStream, type Logger as Pino, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

export interface LoggerInit {
  level: 'debug' | 'info' | 'warn' | 'error'
  format: 'pretty' | 'json'
  /** Default: standard error, so that standard output stays for answers. */
  destination?: NodeJS.WritableStream & { isTTY?: boolean }
  /** Default: when the destination is a terminal and NO_COLOR is not set. */
  colour?: boolean
}

const SECRETS = ['password', 'secret', 'invite', 'privateKey', 'sealedCredentials', 'ha1', 'ha1Md5', 'authorization']

/** A field's own value and one level below it. */
const redact = { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' }

/** Errors become text: message, code, and with level debug the stack. */
function plain(fields: LogFields, withStack: boolean): LogFields {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(fields)) {
    if (!(value instanceof Error)) out[key] = value
    else if (withStack) out[key] = value.stack
    else out[key] = 'code' in value ? `${value.message} (${String(value.code)})` : value.message
  }
  return out
}

function wrap(line: Pino): Logger {
  const withStack = line.isLevelEnabled('debug')
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      if (line.isLevelEnabled(level)) line[level](fields ? plain(fields, withStack) : {}, message)
    }
  return {
    forComponent: (component) => wrap(line.child({ component })),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

function readable(destination: NodeJS.WritableStream, colour: boolean): DestinationStream {
  const format = prettyFactory({
    colorize: colour,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,component',
    messageFormat: (line, key) =>
      line.component ? `${String(line.component)}: ${String(line[key])}` : String(line[key]),
    singleLine: true,
    errorLikeObjectKeys: [],
  })
  return { write: (line) => void destination.write(format(line)) }
}

export function createLogger(init: LoggerInit): Logger {
  const destination = init.destination ?? process.stderr
  const colour = init.colour ?? (destination.isTTY === true && !process.env.NO_COLOR)
  const stream = init.format === 'json' ? destination : readable(destination, colour)
  const options = {
    level: init.level,
    base: null,
    redact,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return wrap(pino(options, stream))
}
