/** DNS cookies (RFC 7873) in the form that servers share (RFC 9018 §4): every node of the ring takes those of the others. */
import { timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Clock } from '@thor-node/core'
import { COOKIE_AGE_MAX_SECONDS, COOKIE_AHEAD_MAX_SECONDS } from '../limits.ts'
import { addressData } from '../wire/rdata.ts'
import { sipHash } from './siphash.ts'

const CLIENT_BYTES = 8
const VERSION = 1
const KEY_BYTES = 16
/** Version and three octets that are not used, then the time. */
const HEAD_BYTES = 8
/** One older than this is renewed. */
const RENEW_SECONDS = 1_800

export class Cookies {
  readonly #clock: Clock
  readonly #key: Uint8Array

  /** `key`: 16 octets or more, the same on every node. */
  constructor({ clock }: { clock: Clock }, init: { key: Uint8Array }) {
    this.#clock = clock
    this.#key = init.key.subarray(0, KEY_BYTES)
  }

  /** Did a server of ours give this cookie to this address? Then nobody forged it. `given`: client's and server's. */
  isValid(given: Uint8Array, host: string): boolean {
    if (given.length !== CLIENT_BYTES + 16) return false
    const server = given.subarray(CLIENT_BYTES)
    if (server[0] !== VERSION) return false
    const age = this.#age(server)
    if (age > COOKIE_AGE_MAX_SECONDS || age < -COOKIE_AHEAD_MAX_SECONDS) return false
    const made = this.#make(given.subarray(0, CLIENT_BYTES), server.subarray(0, HEAD_BYTES), host)
    return timingSafeEqual(made, server.subarray(HEAD_BYTES))
  }

  /** What goes into the answer: the client's own 8 octets, then ours. A valid one that is young is given again. */
  answer(given: Uint8Array, host: string, valid: boolean): Buffer {
    if (valid && this.#age(given.subarray(CLIENT_BYTES)) < RENEW_SECONDS) return Buffer.from(given)
    const client = given.subarray(0, CLIENT_BYTES)
    const head = Buffer.alloc(HEAD_BYTES)
    head[0] = VERSION
    head.writeUInt32BE(this.#seconds(), 4)
    return Buffer.concat([client, head, this.#make(client, head, host)])
  }

  #seconds(): number {
    return Math.floor(this.#clock.wall() / 1_000) >>> 0
  }

  /** Seconds, by serial arithmetic. */
  #age(server: Uint8Array): number {
    const stamp = Buffer.from(server.buffer, server.byteOffset, HEAD_BYTES).readUInt32BE(4)
    return (this.#seconds() - stamp) | 0
  }

  #make(client: Uint8Array, head: Uint8Array, host: string): Buffer {
    const address = isIPv4(host) ? addressData(host).data : addressData(host.replace(/%.*$/, '')).data
    return sipHash(this.#key, Buffer.concat([client, head, address]))
  }
}
