import { readFileSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderDocs } from '../../src/config/docs.ts'
import { nearest } from '../../src/config/nearest.ts'
import { fields } from '../../src/config.ts'

const docs = suite('docs/CONFIG.md')
const path = new URL('../../../../docs/CONFIG.md', import.meta.url)

docs('is in step with the schema (THOR_TEST_WRITE_DOCS=1 writes it anew)', () => {
  if (process.env.THOR_TEST_WRITE_DOCS) writeFileSync(path, renderDocs())
  assert.is(readFileSync(path, 'utf8'), renderDocs())
})

docs('each setting has a sentence, and a default or a word on how one is found', () => {
  for (const { name, meta, fallback } of fields) {
    assert.match(meta.doc, /^[A-Z].*\.$/, name)
    assert.ok(fallback !== undefined || meta.computed, name)
  }
})

docs('no two settings share a variable or an option', () => {
  assert.is(new Set(fields.map((field) => field.variable)).size, fields.length)
  assert.is(new Set(fields.map((field) => field.option)).size, fields.length)
})

const words: [typed: string, meant: string | undefined][] = [
  ['domian', 'domain'],
  ['doman', 'domain'],
  ['Domain', 'domain'],
  ['udp', 'sip.udp'],
  ['sip.recordroute', 'sip.recordRoute'],
  ['completely.different', undefined],
  ['x', undefined],
]
for (const [typed, meant] of words) {
  docs(`${typed} was meant as ${meant}`, () => {
    assert.is(nearest(typed, ['data', 'domain', 'sip.udp', 'sip.recordRoute']), meant)
  })
}

docs.run()
