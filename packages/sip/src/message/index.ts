export {
  makeRequest,
  makeResponse,
  type RequestParts,
  type ResponseOptions,
  respondToBroken,
  withTag,
} from './build.ts'
export type {
  CSeq,
  NameAddr,
  Params,
  SipHeaders,
  SipMessage,
  SipRequest,
  SipResponse,
  SipUri,
  Via,
} from './contract.ts'
export { type Frame, StreamFramer } from './framer.ts'
export { HeaderList } from './header-list.ts'
export { type AuthValue, formatAuth, parseAuth } from './headers/auth.ts'
export { contactExpires, contactQ, parseContacts, parseSeconds } from './headers/contact.ts'
export { formatCSeq, parseCSeq } from './headers/cseq.ts'
export { parseHostPort } from './headers/host.ts'
export { formatNameAddr, parseNameAddr, parseNameAddrList } from './headers/name-addr.ts'
export { formatParams, parseParams, quote, splitList, unquote } from './headers/params.ts'
export { retryAfterOf } from './headers/retry-after.ts'
export { formatVia, parseVia, parseVias } from './headers/via.ts'
export { isIp, isIpv4, isIpv6, withoutBrackets } from './ip.ts'
export { Request, Response } from './message.ts'
export { isToken } from './names.ts'
export { parseMessage } from './parser.ts'
export { reasonPhrase } from './reasons.ts'
export { serializeMessage } from './serializer.ts'
export { asRequestUri, escapeUser, formatHost, formatUri, parseUri, unescapeUser } from './uri.ts'
export { equalUris } from './uri-equal.ts'
export { validateMessage } from './validate.ts'
