/** 16-bit mono sound files, and what frequency is in them: for phones that play and record. */

const RATE = 8_000
const HEADER_BYTES = 44

/** A sine as a WAV file, half of full scale. */
export function toneWav(hertz: number, seconds: number): Buffer {
  const samples = RATE * seconds
  const wav = Buffer.alloc(HEADER_BYTES + samples * 2)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(wav.length - 8, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(RATE, 24)
  wav.writeUInt32LE(RATE * 2, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(samples * 2, 40)
  for (let i = 0; i < samples; i++) {
    wav.writeInt16LE(Math.round(16_000 * Math.sin((2 * Math.PI * hertz * i) / RATE)), HEADER_BYTES + i * 2)
  }
  return wav
}

/** Share of the whole power (0 … 1) that is at this frequency, over the middle half of the file (Goertzel). */
export function shareOf(wav: Buffer, hertz: number): number {
  const count = Math.floor((wav.length - HEADER_BYTES) / 2)
  const [from, to] = [Math.floor(count / 4), Math.floor((count * 3) / 4)]
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / RATE)
  let [before, beforeThat, power] = [0, 0, 0]
  for (let i = from; i < to; i++) {
    const sample = wav.readInt16LE(HEADER_BYTES + i * 2)
    power += sample * sample
    const now = sample + coefficient * before - beforeThat
    beforeThat = before
    before = now
  }
  if (power === 0) return 0
  const at = before * before + beforeThat * beforeThat - coefficient * before * beforeThat
  return (2 * at) / (power * (to - from))
}

/**
 * Frequency of a tone in a recording of any rate, over its middle half: how often it rises through zero in a second. A phone
 * that plays at its own pace shifts the phase, which `shareOf` takes for another frequency. Undefined before the head is written.
 */
export function pitchOf(wav: Buffer): number | undefined {
  const rate = wav.length < HEADER_BYTES ? 0 : wav.readUInt32LE(24)
  if (rate === 0) return undefined
  const count = Math.floor((wav.length - HEADER_BYTES) / 2)
  const [from, to] = [Math.floor(count / 4), Math.floor((count * 3) / 4)]
  let rises = 0
  for (let i = from; i < to; i++) {
    const at = HEADER_BYTES + i * 2
    if (wav.readInt16LE(at) < 0 && wav.readInt16LE(at + 2) >= 0) rises++
  }
  return (rises * rate) / (to - from)
}
