import type { SipRequest } from '../contract.ts'
import { splitList } from './params.ts'

/** Names in a header that is a list of option tags, or of other tokens, in lower case. */
export const tagsOf = (request: SipRequest, header: string): string[] =>
  request.headers
    .getAll(header)
    .flatMap(splitList)
    .map((tag) => tag.toLowerCase())
