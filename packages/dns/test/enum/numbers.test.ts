import { errorCode, ThorError } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Arena } from '../../src/enum/arena.ts'
import { BlockInChange, packBlock, unpackBlock } from '../../src/enum/block.ts'
import { readEntries } from '../../src/enum/block-entries.ts'
import type { StoredNumber } from '../../src/enum/contract.ts'
import { packEntry } from '../../src/enum/entry.ts'
import { EnumIndex } from '../../src/enum/index-of-numbers.ts'
import { digitsOf, digitsOfKey, digitsOfName, enumName, keyAfter, keyOf } from '../../src/enum/number.ts'
import { SortedKeys } from '../../src/enum/sorted-keys.ts'

const numbers = suite('dns: numbers')

const forms: [text: string, digits: string][] = [
  ['+31208005100', '31208005100'],
  ['31208005100', '31208005100'],
  ['+31 (20) 800-51.00', '31208005100'],
  ['tel:+31208005100', '31208005100'],
  ['0.0.1.5.0.0.8.0.2.1.3.e164.arpa', '31208005100'],
  ['0.0.1.5.0.0.8.0.2.1.3.E164.ARPA.', '31208005100'],
  ['0.0.1.5.0.0.8.0.2.1.3', '31208005100'],
]
for (const [text, digits] of forms) {
  numbers(`${text} is +${digits}`, () => assert.is(digitsOf(text, 'e164.arpa'), digits))
}
for (const text of ['', 'alice', '+31x', '1234567890123456', '0.0.1.e164.example', '+']) {
  numbers(`${text} is no number`, () => {
    assert.throws(
      () => digitsOf(text, 'e164.arpa'),
      (error: unknown) => error instanceof ThorError && /number/.test(error.message),
    )
  })
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 15 })

numbers('EN-32: E.164, the name of DNS and the key are the same number', () => {
  fc.assert(
    fc.property(digits, (number) => {
      assert.is(digitsOfName(enumName(number, 'e164.arpa'), 'e164.arpa'), number)
      assert.is(digitsOfKey(keyOf(number)), number)
      assert.ok(Number.isSafeInteger(keyAfter(number)))
      if (number !== '') assert.is(digitsOf(enumName(number, 'e164.arpa'), 'e164.arpa'), number)
    }),
  )
})

numbers('keys sort as numbers in a directory: who begins with another comes behind it, before the next', () => {
  fc.assert(
    fc.property(digits, digits, (one, other) => {
      assert.is(keyOf(one) < keyOf(other), one < other)
      const begins = other.startsWith(one)
      assert.is(keyOf(other) >= keyOf(one) && keyOf(other) < keyAfter(one), begins)
    }),
  )
})

numbers('names with other labels are no numbers', () => {
  for (const name of ['x.1.e164.arpa', '12.e164.arpa', '1.2.e164.org', 'e164.arpax', '.1.e164.arpa']) {
    assert.is(digitsOfName(name, 'e164.arpa'), undefined, name)
  }
})

numbers('sorted keys do what a map does, in order', () => {
  const random = new SimRandom(5)
  const keys = new SortedKeys()
  const model = new Map<number, number>()
  for (let round = 0; round < 60_000; round++) {
    const key = random.int(9_000) * 7
    if (random.int(3) === 0) {
      assert.is(keys.delete(key), model.get(key))
      model.delete(key)
    } else {
      assert.is(keys.set(key, round), model.get(key))
      model.set(key, round)
    }
    if (round % 997 === 0) {
      const [from, to] = [random.int(60_000), random.int(70_000)]
      const wanted = [...model].filter(([one]) => one >= from && one < to).sort((a, b) => a[0] - b[0])
      assert.equal([...keys.entries(from, to)], wanted)
      assert.is(keys.count(from, to), wanted.length)
      assert.is(keys.any(from, to), wanted.length > 0)
    }
    if (round % 101 === 0) {
      // Also across keys that come and go between two looks.
      const start = random.int(9_000)
      for (let n = start; n < start + 40; n++) assert.is(keys.getInOrder(n * 7), model.get(n * 7))
    }
  }
  assert.is(keys.size, model.size)
  for (const key of model.keys()) assert.is(keys.get(key), model.get(key))
  for (const key of [...model.keys()]) keys.delete(key)
  assert.is(keys.size, 0)
  assert.not(keys.any(0, Number.MAX_SAFE_INTEGER))
})

numbers('keys that come in order fill their chunks', () => {
  const keys = new SortedKeys()
  for (let key = 0; key < 100_000; key++) keys.set(key, key)
  assert.ok(keys.bytes < 100_000 * 12 * 1.05)
  for (let key = 0; key < 100_000; key += 777) assert.is(keys.get(key), key)
})

numbers('an arena gives pieces back, and room that was given back is used again', () => {
  const random = new SimRandom(6)
  const arena = new Arena()
  const pieces = new Map<number, Buffer>()
  for (let round = 0; round < 20_000; round++) {
    if (random.int(2) === 0 && pieces.size > 100) {
      const [place] = pieces.keys()
      arena.free(place as number)
      pieces.delete(place as number)
    }
    const piece = Buffer.from(random.bytes(random.int(200)))
    const place = arena.put(piece)
    assert.not(pieces.has(place))
    assert.ok(place > 0)
    pieces.set(place, piece)
  }
  for (const [place, piece] of [...pieces].slice(0, 5_000)) {
    const other = Buffer.from(random.bytes(Math.max(0, piece.length + random.int(9) - 4)))
    const now = arena.replace(place, other)
    assert.is(now === place, Math.ceil((other.length + 2) / 8) === Math.ceil((piece.length + 2) / 8))
    pieces.delete(place)
    assert.not(pieces.has(now))
    pieces.set(now, other)
  }
  for (const [place, piece] of pieces) {
    assert.equal(arena.get(place), piece)
    assert.ok(arena.holds(place, piece, piece.length))
    assert.not(arena.holds(place, Buffer.concat([piece, Buffer.of(1)]), piece.length + 1))
    const other = Buffer.from(piece)
    if (other.length > 0) other[other.length - 1] = (other[other.length - 1] as number) ^ 1
    assert.is(arena.holds(place, other, other.length), other.length === 0)
  }
  const { bytes } = arena
  for (let round = 0; round < 5_000; round++) {
    const [place, piece] = pieces.entries().next().value as [number, Buffer]
    arena.free(place)
    pieces.delete(place)
    pieces.set(arena.put(piece), piece)
  }
  assert.is(arena.bytes, bytes)
})

numbers('a block that is changed as octets is the one that all its numbers make', () => {
  const random = new SimRandom(7)
  const place = { tld: 'e164.arpa', prefix: '3120800' }
  const model = new Map<string, StoredNumber>()
  let bytes: Uint8Array | undefined
  for (let round = 1; round <= 400; round++) {
    const block = new BlockInChange(bytes, place)
    for (let n = random.int(4); n >= 0; n--) {
      const number = place.prefix + String(random.int(60)).padStart(2, '0')
      assert.equal(block.get(number), model.get(number))
      if (random.int(3) === 0) {
        block.delete(number)
        model.delete(number)
        continue
      }
      const mapto = `sip:ü${random.int(1_000)}@example.com`
      const mapping = (id: number) => ({ id, type: 'sip', mapto, priority: random.int(9), ttl: random.int(2 ** 31) })
      const made: StoredNumber = {
        ...{ number, tld: place.tld, owner: random.int(9), changedAt: round, info: 'é'.repeat(random.int(3)) },
        mappings: Array.from({ length: random.int(3) }, (_, id) => mapping(id + 1)),
      }
      block.set(made)
      model.set(number, made)
      assert.equal(block.get(number), made)
    }
    bytes = block.packed(round)
    const all = [...model.values()].sort((a, b) => (a.number < b.number ? -1 : 1))
    assert.equal(Buffer.from(bytes), Buffer.from(packBlock({ changedAt: round, numbers: all }, place.prefix)))
    assert.equal(unpackBlock(bytes, place), { changedAt: round, numbers: all })
  }
  const whole = bytes as Uint8Array
  const cut = (length: number) => (): unknown => new BlockInChange(whole.subarray(0, length), place)
  for (const length of [0, 3, 8, whole.length - 1]) {
    assert.throws(cut(length), (error: unknown) => errorCode(error) === 'DNS_INVALID_VALUE', `${length} octets`)
  }
})

numbers('records read from a block are those that its mappings make', () => {
  const random = new SimRandom(5)
  const uris: [type: string, mapto: string][] = [
    ['sip', 'sip:alice@example.com'],
    ['sip', 'sip:a!b@example.com'],
    ['sip', 'sip:a\\b@example.com'],
    ['sip', '!^\\+31(.*)$!sip:\\1@example.com!'],
    ['voice', 'tel:+31208005100'],
    ['voice:tel', 'tel:+31208005100'],
    ['sms', 'mailto:a@example.com'],
    ['x-skype:callto', 'callto:alice'],
    ['web:https', `https://example.com/${'x'.repeat(220)}`],
  ]
  for (let round = 0; round < 300; round++) {
    const prefix = ['', '3', '312080051'][random.int(3)] as string
    const packed = Array.from({ length: random.int(6) }, (_, n) => ({
      number: `${prefix}${n}${random.int(10)}`,
      tld: 'e164.arpa',
      owner: random.int(100),
      changedAt: 1_800_000_000_000,
      info: 'é'.repeat(random.int(3)),
      mappings: Array.from({ length: random.int(4) }, (_, id) => {
        const [type, mapto] = uris[random.int(uris.length)] as [string, string]
        return { id, type, mapto, priority: random.int(3), ttl: random.int(100_000) }
      }),
    }))
    const read = new Map<number, string>()
    const bytes = packBlock({ changedAt: 1_800_000_000_123, numbers: packed }, prefix)
    const changedAt = readEntries(bytes, { tld: 'e164.arpa', prefix }, (key, entry, length) =>
      read.set(key, entry.toString('hex', 0, length)),
    )
    assert.is(changedAt, 1_800_000_000_123)
    for (const { number, mappings } of packed) {
      const wanted = mappings.length === 0 ? '' : packEntry(mappings).toString('hex')
      assert.is(read.get(keyOf(number)), wanted, JSON.stringify(mappings))
    }
  }
})

numbers('a change of one number touches that one alone, and the range that it is in', () => {
  const index = new EnumIndex()
  const range = { tld: 'e164.arpa', ttl: 60, minDigits: 1, maxDigits: 15, size: 0, nameservers: [], info: '' }
  const own = { customer: 0, reseller: 0, changedAt: 1_800_000_000_000 }
  for (const prefix of ['31', '3120805']) index.setRange({ ...range, ...own, prefix })
  const at = { tld: 'e164.arpa', prefix: '312080', length: 8 }
  const block = (changedAt: number, uris: Record<string, string>) =>
    packBlock(
      {
        changedAt,
        numbers: Object.entries(uris).map(([number, mapto]) => ({
          ...{ number, tld: 'e164.arpa', owner: 0, changedAt, info: '' },
          mappings: mapto === '' ? [] : [{ id: 1, type: 'sip', mapto, priority: 5, ttl: 60 }],
        })),
      },
      at.prefix,
    )
  const tree = () => index.tree('e164.arpa')!
  const place = (number: string) => tree().numbers.get(keyOf(number))
  index.setPacked(at, block(1_800_000_010_000, { '31208001': 'sip:a@b', '31208051': 'sip:c@d' }))
  const [first, second] = [place('31208001'), place('31208051')]
  const later = 1_800_000_100_000
  assert.equal([tree().serial('31', later), tree().serial('3120805', later)], [1_800_000_011, 1_800_000_011])
  index.setPacked(at, block(1_800_000_020_000, { '31208001': 'sip:a@b', '31208051': 'sip:longer-than-before@d' }))
  assert.is(place('31208001'), first)
  assert.is.not(place('31208051'), second)
  assert.equal([tree().serial('31', later), tree().serial('3120805', later)], [1_800_000_021, 1_800_000_021])
  index.setPacked(at, block(1_800_000_030_000, { '31208001': '', '31208051': 'sip:longer-than-before@d' }))
  assert.equal([place('31208001'), index.size], [undefined, 1])
  index.setPacked(at, block(1_800_000_040_000, {}))
  assert.is(index.size, 0)
})

numbers('a block comes back as it was, and what is none is refused', () => {
  const number = {
    number: '31208005100',
    tld: 'e164.arpa',
    owner: 2 ** 31 - 1,
    changedAt: 1_800_000_000_123,
    info: 'Café ☎',
    mappings: [
      { id: 1, type: 'sip', mapto: 'sip:alice@example.com', priority: 5, ttl: 3_600 },
      { id: 65_535, type: 'voice:tel', mapto: '!^(.*)$!tel:\\1!', priority: 65_535, ttl: 0x7fffffff },
    ],
  }
  const block = {
    changedAt: 1_800_000_000_999,
    numbers: [number, { ...number, number: '31208005101', info: '', mappings: [] }],
  }
  const at = { tld: 'e164.arpa', prefix: '312080051' }
  const bytes = packBlock(block, at.prefix)
  assert.equal(unpackBlock(bytes, at), block)
  for (let cut = 8; cut < bytes.length - 1; cut += 3) {
    try {
      const part = unpackBlock(bytes.subarray(0, cut), at)
      assert.ok(part.numbers.length < 2)
    } catch (error) {
      assert.ok(error instanceof ThorError)
    }
  }
  assert.throws(() => unpackBlock(Buffer.of(9, 0, 0, 0, 0, 0, 0), at), /is no block/)
})

numbers.run()
