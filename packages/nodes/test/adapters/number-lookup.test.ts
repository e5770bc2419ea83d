/** A dialled number through the trees: whose come first, and which services a call may follow. */
import { type Aor, type Net, silentLogger, systemNet, systemRandom } from '@thor-node/core'
import { SimClock } from '@thor-node/core/testing'
import { EnumIndex, EnumZones, packBlock } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NumberLookupAdapter } from '../../src/adapters/number-lookup.ts'

const test = suite('adapters: number lookup')

const clock = new SimClock()
const range = { prefix: '31', ttl: 60, minDigits: 2, maxDigits: 15, size: 0, nameservers: [], info: '' }
const common = { customer: 0, reseller: 0, changedAt: 0 }

/** tree → number → mappings `type uri`, best first. */
function lookup(
  trees: Record<string, Record<string, string[]>>,
  settings: string[] = [],
  net: Net = systemNet,
  orders: Record<string, string[]> = {},
) {
  const index = new EnumIndex()
  for (const [tld, numbers] of Object.entries(trees)) {
    index.setRange({ ...range, ...common, tld })
    for (const [number, lines] of Object.entries(numbers)) {
      const mappings = lines.map((line, at) => {
        const [type = '', mapto = ''] = line.split(' ')
        return { id: at + 1, type, mapto, priority: at, ttl: 60 }
      })
      const prefix = number.slice(0, -2)
      const packed = packBlock(
        { changedAt: 0, numbers: [{ number, tld, owner: 0, info: '', ...common, mappings }] },
        prefix,
      )
      index.setPacked({ tld, prefix, length: number.length }, packed)
    }
  }
  const zones = new EnumZones({ index, clock, nameservers: () => [] })
  const treesOf = (domain: string | undefined): string[] => orders[domain ?? ''] ?? []
  const components = { zones, index, net, clock, random: systemRandom, logger: silentLogger, treesOf }
  const adapter = new NumberLookupAdapter(components, {
    trees: settings,
    servers: [],
    timeoutMs: 100,
  })
  const found = (number: string, method = 'INVITE', caller?: string, own?: string[]) =>
    adapter.find({ number, method, ...(caller && { caller: caller as Aor }), ...(own && { trees: own }) })
  const uris = async (...query: Parameters<typeof found>): Promise<readonly string[]> =>
    (await found(...query))?.uris ?? []
  return Object.assign(uris, { found })
}

test('numbers of the world are looked up, local ones are not', async () => {
  const find = lookup({ 'e164.example': { '31208005100': ['sip sip:a@b.example'] } })
  assert.equal(await find('+31208005100'), ['sip:a@b.example'])
  for (const number of ['31208005100', '0208005100', '5100', '+', '00']) assert.equal(await find(number), [], number)
})

test('trees of the ring come first, by name or as the settings have them', async () => {
  const both = { 'z.example': { '3120': ['sip sip:z@z'] }, 'a.example': { '3120': ['sip sip:a@a'] } }
  assert.equal(await lookup(both)('+3120'), ['sip:a@a'])
  assert.equal(await lookup(both, ['z.example', 'a.example'])('+3120'), ['sip:z@z'])
  assert.equal(await lookup(both, ['a.example'])('+3120'), ['sip:z@z'])
})

test('an account or a domain has its own order of trees, public, private or of carriers, and no others (EN-37)', async () => {
  const trees = {
    'e164.arpa': { '3120': ['sip sip:public@a'], '313121': ['sip sip:public1@a'] },
    'e164.private.example': { '3120': ['sip sip:private@a'] },
    'ie164.arpa': { '3120': ['pstn:tel tel:+3120;npdi;rn=+31970'], '314122': ['sip sip:carrier@a'] },
  }
  const orders = {
    'company.example': ['e164.private.example', 'e164.arpa'],
    'carrier.example': ['ie164.arpa'],
    'ring.example': [],
  }
  const find = lookup(trees, [], systemNet, orders)
  assert.equal(await find('+3120', 'INVITE', 'a@company.example'), ['sip:private@a'])
  assert.equal(await find('+313121', 'INVITE', 'a@company.example'), ['sip:public1@a'])
  assert.equal(await find('+314122', 'INVITE', 'a@company.example'), [], 'a tree that is not named')
  assert.equal(await find('+3120', 'INVITE', 'a@carrier.example'), ['tel:+3120;npdi;rn=+31970'])
  for (const caller of ['a@ring.example', 'a@other.example', undefined]) {
    assert.equal(await find('+3120', 'INVITE', caller), ['sip:public@a'], caller)
  }
  const carrier = ['tel:+3120;npdi;rn=+31970']
  for (const caller of ['a@company.example', 'a@ring.example']) {
    assert.equal(await find('+3120', 'INVITE', caller, ['ie164.arpa', 'e164.arpa']), carrier, 'what his account names')
    assert.equal(await find('+313121', 'INVITE', caller, ['ie164.arpa', 'e164.arpa']), ['sip:public1@a'])
    assert.equal(await find('+313121', 'INVITE', caller, ['ie164.arpa']), [], 'and no others')
  }
  assert.equal(await find('+3120', 'INVITE', 'a@company.example', []), ['sip:private@a'], 'it names none')
})

test('what leads is told with its tree; nothing that may be followed is nothing (EN-39)', async () => {
  const { found } = lookup({
    'a.example': { '312011': ['sip sip:a@a'], '312211': ['web:http http://a.example/'] },
    'z.example': { '312111': ['sip sip:z@z'] },
  })
  assert.equal(await found('+312011'), { tree: 'a.example', uris: ['sip:a@a'] })
  assert.equal(await found('+312111'), { tree: 'z.example', uris: ['sip:z@z'] })
  assert.is(await found('+312211'), undefined)
  assert.is(await found('+312911'), undefined)
})

test('a tree that has nothing for a method hides no tree behind it (EN-37)', async () => {
  const { found } = lookup({
    'a.example': { '3120': ['email:mailto mailto:a@a', 'im im:a@a'] },
    'z.example': { '3120': ['sip sip:z@z'] },
  })
  assert.equal(await found('+3120'), { tree: 'z.example', uris: ['sip:z@z'] })
  assert.equal(await found('+3120', 'MESSAGE'), { tree: 'a.example', uris: ['sip:a@a'] })
})

test('a call follows addresses and telephone numbers, a message and a subscription what is theirs', async () => {
  const find = lookup({
    'e164.example': {
      '3120': [
        'web:http http://www.example/',
        'email:mailto mailto:a@b',
        'pstn:tel tel:+3120;npdi;rn=+31970',
        'sip sip:a@b',
        'pres pres:p@b',
        'im im:i@b',
        'fax:tel tel:+3121',
      ],
    },
  })
  assert.equal(await find('+3120'), ['tel:+3120;npdi;rn=+31970', 'sip:a@b'])
  assert.equal(await find('+3120', 'MESSAGE'), ['sip:a@b', 'sip:i@b'])
  assert.equal(await find('+3120', 'SUBSCRIBE'), ['sip:a@b', 'sip:p@b'])
})

test('nothing is asked of DNS where no tree is named, and a tree that cannot be asked leads nowhere', async () => {
  let asked = 0
  const net: Net = {
    ...systemNet,
    udp: async () => {
      asked++
      throw new Error('no network')
    },
  }
  assert.equal(await lookup({}, [], net)('+3120'), [])
  assert.equal(await lookup({}, ['e164.arpa'], net)('+3120'), [])
  assert.is(asked, 0, 'without servers nobody is asked')
})

test.run()
