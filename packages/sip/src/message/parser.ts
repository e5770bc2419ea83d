import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'
import type { SipMessage } from './contract.ts'
import { HeaderList } from './header-list.ts'
import { headerKey } from './header-names.ts'
import { Request, Response } from './message.ts'
import { isToken } from './scan.ts'

const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
const CR = 0x0d

/**
 * Parses one whole message (RFC 3261 §7). Only lines are indexed here; values are parsed when somebody asks for them.
 *
 * `datagram`: the body is what follows, cut to Content-Length when that is smaller; a body shorter than Content-Length is an
 * error (§18.3). On streams the framer has cut the message already.
 *
 * @throws SipParseError
 */
export function parseMessage(bytes: Uint8Array): SipMessage {
  if (bytes.length > messageLimits.messageBytesMax)
    throw new SipParseError('message too large', 513, 'Message Too Large')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let headEnd = buffer.indexOf('\r\n\r\n', 0, 'latin1')
  const complete = headEnd >= 0
  if (!complete) headEnd = trimEnd(buffer)
  const head = buffer.toString('latin1', 0, headEnd)
  // CRLF in front of a start line is ignored (§7.5).
  let at = 0
  while (head.charCodeAt(at) === CR && head.charCodeAt(at + 1) === 0x0a) at += 2
  const lineEnd = head.indexOf('\r\n', at)
  const startLine = lineEnd < 0 ? head.slice(at) : head.slice(at, lineEnd)
  const headers = lineEnd < 0 ? new HeaderList() : parseHeaders(head, lineEnd + 2)
  const body = cutBody(buffer.subarray(complete ? headEnd + 4 : buffer.length), headers)
  return startLine.startsWith('SIP/') ? statusLine(startLine, headers, body) : requestLine(startLine, headers, body)
}

function trimEnd(buffer: Buffer): number {
  let end = buffer.length
  while (end > 0 && (buffer[end - 1] === 0x0a || buffer[end - 1] === CR)) end--
  return end
}

function parseHeaders(head: string, from: number): HeaderList {
  const names: string[] = []
  const keys: string[] = []
  const values: string[] = []
  let at = from
  while (at < head.length) {
    let end = head.indexOf('\r\n', at)
    if (end < 0) end = head.length
    // A line that begins with white space continues the one before (§7.3.1).
    let folded = false
    while (end < head.length && isBlank(head.charCodeAt(end + 2))) {
      folded = true
      const next = head.indexOf('\r\n', end + 2)
      end = next < 0 ? head.length : next
    }
    if (end - at > messageLimits.headerBytesMax) throw new SipParseError('header too long', 513, 'Message Too Large')
    if (names.length >= messageLimits.headersMax) throw new SipParseError('too many headers', 513, 'Message Too Large')
    let colon = at
    while (colon < end && head.charCodeAt(colon) !== COLON) colon++
    const name = head.slice(at, colon).trimEnd()
    if (colon === end || !isToken(name))
      throw new SipParseError(`bad header: ${head.slice(at, Math.min(end, at + 60))}`)
    const raw = head.slice(colon + 1, end)
    names.push(name)
    keys.push(headerKey(name))
    values.push((folded ? raw.replace(/\r\n[ \t]+/g, ' ') : raw).trim())
    at = end + 2
  }
  return new HeaderList(names, values, keys)
}

const isBlank = (code: number): boolean => code === SPACE || code === TAB

function cutBody(rest: Buffer, headers: HeaderList): Uint8Array {
  const value = headers.get('content-length')
  if (value === undefined) return rest
  const length = contentLength(value)
  if (length > rest.length) throw new SipParseError('body shorter than Content-Length')
  return rest.subarray(0, length)
}

/** @throws SipParseError */
export function contentLength(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new SipParseError(`bad Content-Length: ${value.slice(0, 20)}`)
  return Number(value)
}

function requestLine(line: string, headers: HeaderList, body: Uint8Array): Request {
  const match = /^([^ ]+) ([^ ]+) SIP\/(\d+)\.(\d+)$/i.exec(line)
  if (!match || !isToken(match[1] as string)) throw new SipParseError(`bad request line: ${line.slice(0, 80)}`)
  if (match[3] !== '2' || match[4] !== '0') throw new SipParseError('not SIP/2.0', 505, 'Version Not Supported')
  return new Request(match[1] as string, match[2] as string, headers, body)
}

function statusLine(line: string, headers: HeaderList, body: Uint8Array): Response {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/.exec(line)
  if (!match) throw new SipParseError(`bad status line: ${line.slice(0, 80)}`)
  return new Response(Number(match[1]), match[2] ?? '', headers, body)
}
