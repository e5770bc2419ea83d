import { Writable } from 'node:stream'
import { ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLogger, type LoggerInit } from '../src/logger.ts'

const logger = suite('logger')

function capture(init: Partial<LoggerInit>) {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk).trimEnd())
      done()
    },
  })
  return { lines, log: createLogger({ level: 'info', format: 'json', destination, ...init }) }
}

logger('JSON lines carry time, level, component, message and fields', () => {
  const { lines, log } = capture({})
  log.forComponent('sip:transaction').info('terminated', { call: 'x', status: 487 })
  const line = JSON.parse(lines[0] ?? '')
  assert.match(line.time, /^\d{4}-\d\d-\d\dT.*Z$/)
  delete line.time
  assert.equal(line, { level: 'info', component: 'sip:transaction', call: 'x', status: 487, msg: 'terminated' })
})

logger('readable lines are one line each, without colours off a terminal', () => {
  const { lines, log } = capture({ format: 'pretty' })
  log.forComponent('dns').warn('port taken', { port: 53, error: new ThorError('NET_PERMISSION', 'no right') })
  assert.is(lines.length, 1)
  assert.match(
    lines[0] ?? '',
    /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: dns: port taken \{"port":53,"error":"no right \(NET_PERMISSION\)"\}$/,
  )
})

logger('colours are used when asked for', () => {
  const { lines, log } = capture({ format: 'pretty', colour: true })
  log.info('x')
  assert.match(lines[0] ?? '', '\u001b[32mINFO')
})

logger('lines below the level are not written', () => {
  const { lines, log } = capture({ level: 'warn' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  log.error('d')
  assert.equal(
    lines.map((line) => JSON.parse(line).msg),
    ['c', 'd'],
  )
})

for (const format of ['json', 'pretty'] as const) {
  logger(`secrets are hidden in ${format} lines, at the top and one level down`, () => {
    const { lines, log } = capture({ format })
    log.info('x', { password: 'hunter2', invite: 'hunter2', account: { ha1Md5: 'hunter2', aor: 'a@b' } })
    assert.not.match(lines[0] ?? '', 'hunter2')
    assert.match(lines[0] ?? '', '[hidden]')
    assert.match(lines[0] ?? '', 'a@b')
  })
}

logger('level debug shows where an error came from', () => {
  const { lines, log } = capture({ level: 'debug' })
  log.error('x', { error: new Error('broken') })
  assert.match(JSON.parse(lines[0] ?? '').error, /Error: broken\n +at /)
})

logger.run()
