/**
 * The shapes that the layers of this package share. `parser.ts` makes them, `serializer.ts` writes them.
 */

/** A parsed SIP or tel URI (RFC 3261 §19.1). Parameters keep order and case; names compare case-insensitively. */
export interface SipUri {
  scheme: string
  user?: string
  password?: string
  /** Lower case; IPv6 without brackets. Empty for `tel:`. */
  host: string
  port?: number
  params: Params
  /** The part after `?`, undecoded. */
  headers?: string
}

/**
 * `;name=value` lists: value is '' for flags. Iteration order is wire order. Keys are lower case. Values stay as written: a
 * quoted one keeps its quotes (`unquote`).
 */
export type Params = ReadonlyMap<string, string>

/** RFC 3261 §20.10 name-addr or addr-spec with header parameters: From, To, Contact, Route, Record-Route, Path… */
export interface NameAddr {
  displayName?: string
  uri: SipUri
  params: Params
}

export interface Via {
  /** `UDP`, `TCP`, upper case */
  transport: string
  host: string
  port?: number
  params: Params
}

export interface CSeq {
  number: number
  method: string
}

/**
 * Header fields in wire order. Names compare case-insensitively, compact forms are the same as long ones (`v` = `Via`).
 * What is not touched is written back byte for byte. Values are latin1 strings, unfolded, without surrounding space.
 * Comma lists are split only by the readers that know their header is one.
 */
export interface SipHeaders extends Iterable<readonly [name: string, value: string]> {
  get(name: string): string | undefined
  getAll(name: string): string[]
  has(name: string): boolean
  /** Replaces all by one, in the place of the first, or appends. */
  set(name: string, value: string): void
  append(name: string, value: string): void
  /** In front of the first header of that name, or at the very top. */
  prepend(name: string, value: string): void
  remove(name: string): void
  /** Replaces all by these, in the place of the first. */
  setAll(name: string, values: readonly string[]): void
  clone(): SipHeaders
  /** Lets go of parsed forms, which are made anew when asked for: for messages that are kept but hardly read any more. */
  forgetParsed(): void
}

interface MessageBase {
  headers: SipHeaders
  body: Uint8Array
  /** Typed readers: parsed on first use, cached until that header is changed. Throw SipParseError on bad syntax. */
  readonly vias: readonly Via[]
  readonly from: NameAddr
  readonly to: NameAddr
  readonly callId: string
  readonly cseq: CSeq
  /** Undefined when absent; `'*'` for the wildcard of REGISTER. */
  readonly contacts: readonly NameAddr[] | '*' | undefined
  readonly routes: readonly NameAddr[]
  readonly recordRoutes: readonly NameAddr[]
}

export interface SipRequest extends MessageBase {
  kind: 'request'
  method: string
  /** Request-URI as written. */
  uri: string
  /** Parsed Request-URI. */
  readonly requestUri: SipUri
  readonly maxForwards: number | undefined
  clone(): SipRequest
}

export interface SipResponse extends MessageBase {
  kind: 'response'
  status: number
  reason: string
  clone(): SipResponse
}

export type SipMessage = SipRequest | SipResponse
