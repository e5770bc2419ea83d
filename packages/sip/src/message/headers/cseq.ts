import { SipParseError } from '../../errors.ts'
import type { CSeq } from '../contract.ts'

const CSEQ = /^(\d{1,10})\s+([^\s]+)$/

/** RFC 3261 §20.16: number below 2^31, then the method. @throws SipParseError */
export function parseCSeq(text: string): CSeq {
  const match = CSEQ.exec(text)
  const number = Number(match?.[1])
  if (!match || number >= 2 ** 31) throw new SipParseError(`bad CSeq: ${text.slice(0, 80)}`)
  return { number, method: match[2] as string }
}
