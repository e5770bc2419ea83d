/** One call at one phone: its dialog and its sound. */
import type { Address } from '@thor-node/core'
import type { AudioStream } from './audio.ts'
import type { Dialog } from './dialog.ts'

export class PhoneCall {
  readonly callId: string
  readonly audio: AudioStream
  /** When it was answered, by `clock.now()`. */
  readonly answeredAt: number
  dialog: Dialog
  /** Undefined while it goes on. */
  end: { at: number; by: 'us' | 'peer' } | undefined
  #ended = Promise.withResolvers<void>()

  constructor(dialog: Dialog, audio: AudioStream, answeredAt: number) {
    this.callId = dialog.callId
    this.dialog = dialog
    this.audio = audio
    this.answeredAt = answeredAt
  }

  /** Where the other side takes its sound: the relay, in a call through the ring. */
  get relay(): Address | undefined {
    return this.audio.remote
  }

  /** Resolves at its end. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Marks the end and closes the sound; idempotent. */
  async finish(at: number, by: 'us' | 'peer'): Promise<void> {
    this.end ??= { at, by }
    await this.audio.close()
    this.#ended.resolve()
  }
}
