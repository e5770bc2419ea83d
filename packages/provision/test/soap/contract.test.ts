/** The operation table against the list of what portals call (`contract.txt`), which nothing is written from. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { operations } from '../../src/index.ts'
import { arrays, isArray, isStruct, membersOf, type StructName, type TypeName } from '../../src/schema/types.ts'

const test = suite('provision: contract with portals')
const text = readFileSync(resolve(import.meta.dirname, 'contract.txt'), 'utf8')
const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

const spelled = (type: TypeName): string => (isArray(type) ? `${arrays[type]}[]` : type)
const listed = (members: readonly { name: string; type: TypeName }[]): string =>
  members.map(({ name, type }) => `${name} ${spelled(type)}`).join(', ')

test('every operation is there with its arguments in order, and answers what portals read', () => {
  const wanted = lines.filter((line) => line.includes('('))
  assert.is(wanted.length, 108)
  for (const line of wanted) {
    const [, port, name, input, output] = /^(\w+)\.(\w+)\((.*)\) ?(.*)$/.exec(line) ?? []
    const found = operations.find((one) => one.port === port && one.name === name)
    assert.ok(found, line)
    const type = found?.output
    const answer = type === undefined ? [''] : isStruct(type) ? [type, listed(membersOf(type))] : [spelled(type)]
    assert.is(listed(Object.entries(found?.input ?? {}).map(([name, type]) => ({ name, type }))), input, line)
    assert.ok(answer.includes(output as string), `${line}: ${answer}`)
  }
})

test('every type has the members that portals know, with their types', () => {
  const wanted = lines.filter((line) => !line.includes('('))
  assert.ok(wanted.length > 60)
  for (const line of wanted) {
    const [name = '', members = ''] = line.split(': ')
    assert.ok(isStruct(name as TypeName), name)
    const known = new Map(membersOf(name as StructName).map((member) => [member.name, spelled(member.type)]))
    for (const member of members.split(', ')) {
      const [of = '', type = 'string'] = member.split(' ')
      assert.is(known.get(of), type, `${name}.${of}`)
    }
  }
})

test.run()
