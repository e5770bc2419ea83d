export { makeRequest, makeResponse, type RequestParts, type ResponseOptions } from './build.ts'
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
export { parseCSeq } from './headers/cseq.ts'
export { formatNameAddr, parseNameAddr, parseNameAddrList } from './headers/name-addr.ts'
export { formatVia, parseVia, parseVias } from './headers/via.ts'
export { Request, Response } from './message.ts'
export { formatParams, parseParams } from './params.ts'
export { parseMessage } from './parser.ts'
export { reasonPhrase } from './reasons.ts'
export { isToken, quote, splitList, unquote } from './scan.ts'
export { serializeMessage } from './serializer.ts'
export { equalUris, formatHost, formatUri, parseHostPort, parseUri, unescapeUser } from './uri.ts'
