import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plants } from './plants.ts'

const test = suite('sim: plants')
const root = resolve(import.meta.dirname, '../..')

for (const [name, { changes }] of Object.entries(plants)) {
  test(`${name} fits the code`, () => {
    for (const { file, find, replace } of changes) {
      const text = readFileSync(resolve(root, file), 'utf8')
      assert.is(text.split(find).length, 2, `${file} has this exactly once: ${find}`)
      assert.is.not(find, replace)
    }
  })
}

test.run()
