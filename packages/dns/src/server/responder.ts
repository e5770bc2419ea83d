/** From the octets of a query to those of the answer. */
import { errorMessage, type Logger, type Random } from '@thor-node/core'
import {
  PLAIN_UDP_ANSWER_MAX_BYTES,
  READY_ANSWERS_MAX,
  READY_VARIANTS,
  TCP_ANSWER_MAX_BYTES,
  UDP_ANSWER_MAX_BYTES,
} from '../limits.ts'
import { CLASS, RCODE } from '../wire/codes.ts'
import { noRecords, refusalOf, type Sections, writeAnswer, writeTruncated } from '../wire/message.ts'
import type { Query } from '../wire/query.ts'
import { answerQuestion, repeatable } from '../zone/answer.ts'
import type { Zone } from '../zone/tree.ts'
import type { ZoneSource } from '../zone/zones.ts'
import type { Cookies } from './cookies.ts'
import { questionHash, type RateLimit } from './rate-limit.ts'

export interface ResponderComponents {
  zones: ZoneSource
  random: Random
  logger: Logger
  cookies?: Cookies
  rate?: RateLimit
}

interface Ready {
  zone: Zone
  version: object
  /** One where nothing is left to chance, else several of which one is taken by chance. */
  variants: Buffer[]
  wanted: number
}

export class Responder {
  readonly #c: ResponderComponents
  readonly #log: Logger
  readonly #ready = new Map<string, Ready>()
  /** Answers in it. */
  #kept = 0

  constructor(components: ResponderComponents) {
    this.#c = components
    this.#log = components.logger.forComponent('dns')
  }

  /** Undefined: nothing is said. `host`: whom it goes to. */
  overUdp(query: Query, host: string): Buffer | undefined {
    const { cookies, rate } = this.#c
    const limit = query.edns
      ? Math.min(UDP_ANSWER_MAX_BYTES, Math.max(PLAIN_UDP_ANSWER_MAX_BYTES, query.edns.size))
      : PLAIN_UDP_ANSWER_MAX_BYTES
    const given = query.edns?.cookie
    const known = cookies && given !== undefined && given !== 'bad' ? given : undefined
    // Who shows a cookie of ours has the address that he writes.
    const proven = known !== undefined && cookies?.isValid(known, host) === true
    const cookie = known && cookies?.answer(known, host, proven)
    const answer = this.#answer(query, limit, cookie)
    const verdict = proven || !rate ? 'answer' : rate.judge(host, this.#kindOf(query, answer))
    if (verdict === 'drop') return undefined
    return verdict === 'truncate' ? writeTruncated(query, true, cookie) : answer
  }

  overTcp(query: Query, host: string): Buffer {
    const given = query.edns?.cookie
    const { cookies } = this.#c
    const cookie =
      cookies && given !== undefined && given !== 'bad'
        ? cookies.answer(given, host, cookies.isValid(given, host))
        : undefined
    return this.#answer(query, TCP_ANSWER_MAX_BYTES, cookie)
  }

  /** Refusals count together, names that are not there by zone: a forger has as many names as he likes. */
  #kindOf({ question }: Query, answer: Buffer): number {
    const rcode = (answer[3] as number) & 0xf
    if (!question || (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN)) return rcode
    if (rcode === RCODE.NOERROR) return questionHash(question.raw)
    const zone = this.#c.zones.find(question.name)
    return zone ? questionHash(Buffer.from(zone.apex, 'latin1')) : rcode
  }

  #answer(query: Query, limitBytes: number, cookie?: Uint8Array): Buffer {
    const { question } = query
    try {
      const refused = refusalOf(query)
      if (refused || !question) return writeAnswer(query, refused ?? noRecords(RCODE.FORMERR), limitBytes, cookie)
      if (cookie) return writeAnswer(query, this.#sections(query), limitBytes, cookie)
      const edns = query.edns
      const key = `${question.raw.toString('latin1')}${limitBytes}${edns ? (edns.dnssecOk ? 'd' : 'e') : ''}`
      const zone = this.#c.zones.find(question.name)
      const known = this.#ready.get(key)
      const good = known && zone === known.zone && zone.version === known.version ? known : undefined
      if (good && good.variants.length >= good.wanted) {
        const { variants, wanted } = good
        return readdressed(variants[wanted === 1 ? 0 : this.#c.random.int(wanted)] as Buffer, query)
      }
      const sections = this.#sections(query)
      const bytes = writeAnswer(query, sections, limitBytes)
      if (good) this.#add(good, bytes)
      else if (zone && question.class === CLASS.IN) this.#keep(key, zone, sections, bytes)
      return bytes
    } catch (error) {
      this.#log.error('a query could not be answered', { name: question?.name, error: errorMessage(error) })
      return writeAnswer(query, noRecords(RCODE.SERVFAIL), limitBytes, cookie)
    }
  }

  #keep(key: string, zone: Zone, sections: Sections, bytes: Buffer): void {
    const kind = repeatable(sections, zone)
    if (!kind || !zone.version) return
    const ready: Ready = { zone, version: zone.version, variants: [], wanted: kind === 'always' ? 1 : READY_VARIANTS }
    this.#add(ready, bytes)
    this.#ready.set(key, ready)
  }

  #add({ variants }: Ready, bytes: Buffer): void {
    if (this.#kept >= READY_ANSWERS_MAX) {
      this.#ready.clear()
      this.#kept = 0
    }
    variants.push(Buffer.from(bytes))
    this.#kept++
  }

  #sections(query: Query): Sections {
    const { zones, random } = this.#c
    return query.question ? answerQuestion(zones, query.question, random) : noRecords(RCODE.FORMERR)
  }
}

/** The same answer to another query of the same question: id and RD are the asker's. */
function readdressed(ready: Buffer, { id, recursionDesired }: Query): Buffer {
  const bytes = Buffer.from(ready)
  bytes.writeUInt16BE(id, 0)
  bytes[2] = ((bytes[2] as number) & 0xfe) | (recursionDesired ? 1 : 0)
  return bytes
}
