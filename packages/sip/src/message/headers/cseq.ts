import { SipParseError } from '../../errors.ts'
import type { CSeq } from '../contract.ts'

const CSEQ = /^(\d{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)$/

/** RFC 3261 §20.16: a number below 2^31 and the method. */
export function parseCSeq(value: string): CSeq {
  const match = CSEQ.exec(value)
  const number = Number(match?.[1])
  if (!match || number >= 2 ** 31) throw new SipParseError('not a CSeq', { reason: 'Bad CSeq' })
  return { number, method: match[2] as string }
}

export const formatCSeq = ({ number, method }: CSeq): string => `${number} ${method}`
