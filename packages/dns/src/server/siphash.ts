/** SipHash-2-4 (Aumasson, Bernstein 2012) in halves of 32 bits, as RFC 9018 asks for. */

interface State {
  words: Uint32Array
}

function add(words: Uint32Array, to: number, from: number): void {
  const low = (words[to] as number) + (words[from] as number)
  words[to + 1] = (words[to + 1] as number) + (words[from + 1] as number) + (low > 0xffffffff ? 1 : 0)
  words[to] = low
}

function rotate(words: Uint32Array, at: number, bits: number): void {
  const swap = bits >= 32
  const low = words[swap ? at + 1 : at] as number
  const high = words[swap ? at : at + 1] as number
  const by = bits % 32
  words[at] = by === 0 ? low : (low << by) | (high >>> (32 - by))
  words[at + 1] = by === 0 ? high : (high << by) | (low >>> (32 - by))
}

function xor(words: Uint32Array, to: number, from: number): void {
  words[to] = (words[to] as number) ^ (words[from] as number)
  words[to + 1] = (words[to + 1] as number) ^ (words[from + 1] as number)
}

function round({ words }: State): void {
  add(words, 0, 2)
  rotate(words, 2, 13)
  xor(words, 2, 0)
  rotate(words, 0, 32)
  add(words, 4, 6)
  rotate(words, 6, 16)
  xor(words, 6, 4)
  add(words, 0, 6)
  rotate(words, 6, 21)
  xor(words, 6, 0)
  add(words, 4, 2)
  rotate(words, 2, 17)
  xor(words, 2, 4)
  rotate(words, 4, 32)
}

/** `key`: 16 octets. Eight octets, the lowest first. */
export function sipHash(key: Uint8Array, message: Uint8Array): Buffer {
  const keyWords = Buffer.from(key)
  const [k0, k1, k2, k3] = [0, 4, 8, 12].map((at) => keyWords.readUInt32LE(at)) as [number, number, number, number]
  const words = Uint32Array.of(
    k0 ^ 0x70736575,
    k1 ^ 0x736f6d65,
    k2 ^ 0x6e646f6d,
    k3 ^ 0x646f7261,
    k0 ^ 0x6e657261,
    k1 ^ 0x6c796765,
    k2 ^ 0x79746573,
    k3 ^ 0x74656462,
  )
  const state = { words }
  const padded = Buffer.alloc((message.length & ~7) + 8)
  padded.set(message)
  padded[padded.length - 1] = message.length & 0xff
  for (let at = 0; at < padded.length; at += 8) {
    const low = padded.readUInt32LE(at)
    const high = padded.readUInt32LE(at + 4)
    words[6] = (words[6] as number) ^ low
    words[7] = (words[7] as number) ^ high
    round(state)
    round(state)
    words[0] = (words[0] as number) ^ low
    words[1] = (words[1] as number) ^ high
  }
  words[4] = (words[4] as number) ^ 0xff
  for (let times = 0; times < 4; times++) round(state)
  const out = Buffer.alloc(8)
  for (const half of [0, 1]) {
    const value = [0, 2, 4, 6].reduce((sum, at) => sum ^ (words[at + half] as number), 0)
    out.writeUInt32LE(value >>> 0, half * 4)
  }
  return out
}
