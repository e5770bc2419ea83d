/**
 * Sound in numbers: G.711 µ-law (ITU-T G.711), a sine to send, and an ear that knows one pitch.
 */

export const SAMPLE_RATE_HZ = 8_000
/** 20 ms, what one RTP packet carries. */
export const FRAME_SAMPLES = 160

const BIAS = 132
const CLIP = 32_635

/** One linear 16-bit sample as an octet. */
export function encodeMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(CLIP, Math.abs(Math.round(sample))) + BIAS
  const exponent = 31 - Math.clz32(magnitude) - 7
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~(sign | (exponent << 4) | mantissa) & 0xff
}

export function decodeMulaw(octet: number): number {
  const bits = ~octet & 0xff
  const magnitude = (((bits & 0x0f) << 3) + BIAS) << ((bits & 0x70) >> 4)
  return bits & 0x80 ? BIAS - magnitude : magnitude - BIAS
}

/** Frames of a sine, phase continuous from one to the next. */
export class ToneSource {
  readonly #frequencyHz: number
  readonly #amplitude: number
  #sample = 0

  constructor(frequencyHz: number, amplitude = 12_000) {
    this.#frequencyHz = frequencyHz
    this.#amplitude = amplitude
  }

  /** The next 20 ms, as µ-law octets. */
  frame(): Uint8Array {
    const out = new Uint8Array(FRAME_SAMPLES)
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const angle = (2 * Math.PI * this.#frequencyHz * this.#sample++) / SAMPLE_RATE_HZ
      out[i] = encodeMulaw(this.#amplitude * Math.sin(angle))
    }
    return out
  }
}

/** 100 ms: bins 10 Hz apart. */
const WINDOW_SAMPLES = 800
/** Of a window's energy; a pure tone in µ-law has 0.99 of it at its pitch, noise next to nothing. */
const SHARE_MIN = 0.7
/** Mean power of a window below which it is silence. */
const POWER_MIN = 100 * 100

/** How much of the energy of `samples` lies at one frequency, 0 … 1 (Goertzel's algorithm); 0 for silence. */
export function toneShare(samples: Float64Array, frequencyHz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ)
  let before = 0
  let last = 0
  let energy = 0
  for (const sample of samples) {
    const next = sample + coefficient * last - before
    before = last
    last = next
    energy += sample * sample
  }
  if (energy / samples.length < POWER_MIN) return 0
  const power = last * last + before * before - coefficient * last * before
  return power / ((energy * samples.length) / 2)
}

/** Listens for one pitch in what it is given, in windows of 100 ms. */
export class ToneDetector {
  readonly #frequencyHz: number
  readonly #window = new Float64Array(WINDOW_SAMPLES)
  #filled = 0
  #heardMs = 0

  constructor(frequencyHz: number) {
    this.#frequencyHz = frequencyHz
  }

  /** Sound in which the tone was recognised, so far. */
  get heardMs(): number {
    return this.#heardMs
  }

  push(octets: Uint8Array): void {
    for (const octet of octets) {
      this.#window[this.#filled++] = decodeMulaw(octet)
      if (this.#filled < WINDOW_SAMPLES) continue
      this.#filled = 0
      if (toneShare(this.#window, this.#frequencyHz) >= SHARE_MIN) {
        this.#heardMs += (WINDOW_SAMPLES / SAMPLE_RATE_HZ) * 1_000
      }
    }
  }
}
