/** RFC 3402, 3403 §4 and 6116 §3: which rule counts, where it leads, and where ways end. */
import { silentLogger, ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EnumClient } from '../../src/ddds/enum-client.ts'
import { discover, enumServices, KEYS_MAX } from '../../src/ddds/rules.ts'
import type { Naptr } from '../../src/enum/naptr.ts'
import { tree, zonesOf } from '../fixtures.ts'

const test = suite('ddds: rules')

/** `order preference flags service regexp replacement` */
function rule(line: string): Naptr {
  const [order, preference, flags, service, regexp, replacement] = line
    .split(' ')
    .map((word) => (word === '-' ? '' : word)) as [string, string, string, string, string, string]
  return { order: Number(order), preference: Number(preference), flags, service, regexp, replacement }
}

const NUMBER = '+441632960083'
const cases: [what: string, keys: Record<string, string[]>, uris: string[]][] = [
  ['nothing is there', {}, []],
  ['one rule', { k: ['100 10 u E2U+sip !^.*$!sip:a@b! .'] }, ['sip:a@b']],
  [
    'order before preference, whatever the order of the records',
    {
      k: [
        '102 1 u E2U+sip !^.*$!sip:d@b! .',
        '100 50 u E2U+sip !^.*$!sip:b@b! .',
        '101 1 u E2U+sip !^.*$!sip:c@b! .',
        '100 10 u E2U+sip !^.*$!sip:a@b! .',
      ],
    },
    ['sip:a@b', 'sip:b@b', 'sip:c@b', 'sip:d@b'],
  ],
  [
    'a rule that does not match is passed',
    { k: ['1 1 u E2U+sip !^\\+31(.*)$!sip:\\1@nl! .', '2 1 u E2U+sip !^\\+44(.*)$!sip:\\1@uk! .'] },
    ['sip:1632960083@uk'],
  ],
  [
    'back-references',
    { k: ['1 1 u E2U+sip !^\\+(44)(1632)(.*)$!sip:\\3;area=\\2@cc\\1! .'] },
    ['sip:960083;area=1632@cc44'],
  ],
  ['the flag i', { k: ['1 1 U E2U+SIP !^.*$!sip:A@b!i .'] }, ['sip:A@b']],
  [
    'a rule of another application',
    { k: ['1 1 u http+N2R !^.*$!sip:a@b! .', '1 2 s SIP+D2U - _sip._udp.b', '2 1 u E2U+sip !^.*$!sip:b@b! .'] },
    ['sip:b@b'],
  ],
  ['the service as RFC 2916 had it', { k: ['1 1 u sip+E2U !^.*$!sip:a@b! .'] }, ['sip:a@b']],
  [
    'both expression and replacement is an error',
    { k: ['1 1 u E2U+sip !^.*$!sip:a@b! x.example', '1 2 u E2U+sip !^.*$!sip:b@b! .'] },
    ['sip:b@b'],
  ],
  [
    'no URI',
    { k: ['1 1 u E2U+sip !^.*$!nonsense! .', '1 2 u E2U+sip - sip.example', '1 3 u E2U+sip !^.*$!sip:b@b! .'] },
    ['sip:b@b'],
  ],
  [
    'a bad expression',
    { k: ['1 1 u E2U+sip !^(.*$!sip:a@b! .', '1 2 u E2U+sip !^.*$!sip:\\1@b! .', '1 3 u E2U+sip !^.*$!sip:b@b! .'] },
    ['sip:b@b'],
  ],
  [
    'a non-terminal rule by replacement',
    { k: ['1 1 - - - other.example'], 'other.example': ['1 1 u E2U+sip !^.*$!sip:o@b! .'] },
    ['sip:o@b'],
  ],
  [
    'a non-terminal rule by expression',
    { k: ['1 1 - - !^\\+(44)(.*)$!p\\2.\\1.example! .'], 'p1632960083.44.example': ['1 1 u E2U+sip !^.*$!sip:o@b! .'] },
    ['sip:o@b'],
  ],
  [
    'a non-terminal rule stands where it stands',
    {
      k: ['1 1 u E2U+sip !^.*$!sip:1@b! .', '2 1 - - - o', '3 1 u E2U+sip !^.*$!sip:3@b! .'],
      o: ['9 9 u E2U+sip !^.*$!sip:2@b! .'],
    },
    ['sip:1@b', 'sip:2@b', 'sip:3@b'],
  ],
  ['a circle', { k: ['1 1 - - - l', '2 1 u E2U+sip !^.*$!sip:a@b! .'], l: ['1 1 - - - k'] }, ['sip:a@b']],
]
for (const [what, keys, uris] of cases) {
  test(what, async () => {
    const source = { naptr: async (key: string) => (keys[key] ?? []).map(rule) }
    const targets = await discover(source, 'k', NUMBER)
    assert.equal(
      targets.map(({ uri }) => uri),
      uris,
    )
  })
}

test('EN-03: a way of many keys ends', async () => {
  let asked = 0
  const naptr = async (key: string) => {
    asked++
    return [rule(`1 1 - - - x${key}`)]
  }
  assert.equal(await discover({ naptr }, 'k', NUMBER), [])
  assert.is(asked, KEYS_MAX)
})

test('services of a rule, one or several', () => {
  assert.equal(enumServices('E2U+sip'), ['sip'])
  assert.equal(enumServices('E2U+voice:tel+SMS:tel'), ['voice:tel', 'sms:tel'])
  assert.equal(enumServices('sip+E2U'), ['sip'])
  assert.is(enumServices('SIP+D2U'), undefined)
})

test('trees are asked in order; own ones from memory, silent ones are passed', async () => {
  const own = tree('e164.example', [
    '3.2.1.e164.example NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:own@b!" .',
    '4.2.1.e164.example CNAME 3.2.1.e164.example.',
    '5.2.1.e164.example CNAME far.other.',
  ])
  const asked: string[] = []
  const dns = {
    naptr: async (key: string) => {
      asked.push(key)
      if (key.endsWith('silent.arpa')) throw new ThorError('DNS_UNANSWERED', 'silent')
      return key === '9.e164.arpa' || key === 'far.other' ? [rule('1 1 u E2U+sip !^.*$!sip:public@b! .')] : []
    },
  }
  const client = new EnumClient({ zones: zonesOf(own), dns, logger: silentLogger })
  const find = async (number: string, trees: string[]) => {
    const found = await client.find(number, trees)
    return found && `${found.tree} ${found.targets[0]?.uri}`
  }
  const all = ['silent.arpa', 'e164.example', 'e164.arpa']
  assert.is(await find('123', ['e164.example', 'e164.arpa']), 'e164.example sip:own@b')
  assert.equal(asked, [])
  assert.is(await find('124', ['e164.example']), 'e164.example sip:own@b')
  assert.is(await find('9', all), 'e164.arpa sip:public@b')
  assert.equal(asked, ['9.silent.arpa', '9.e164.arpa'])
  assert.is(await find('125', ['e164.example']), 'e164.example sip:public@b')
  assert.is(await find('8', all), undefined)
  assert.is(await find('123', []), undefined)
})

test.run()
