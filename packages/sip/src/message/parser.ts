/**
 * Bytes to messages. The head becomes one latin1 string, of which each header field keeps only its place; values are parsed
 * when somebody asks (message.ts). What is wrong is thrown as SipParseError, and nothing else ever is.
 */
import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'
import type { SipMessage } from './contract.ts'
import { type HeaderField, HeaderList } from './header-list.ts'
import { NO_BODY, Request, Response } from './message.ts'
import { headerKey, isToken } from './names.ts'

/**
 * One datagram with one message. A body shorter than Content-Length says is an error, what comes after it is cut off
 * (RFC 3261 §18.3). Line ends in front of the message are skipped (§7.5).
 */
export function parseMessage(bytes: Uint8Array): SipMessage {
  if (bytes.length > messageLimits.streamMessageBytesMax) {
    throw new SipParseError('the message is too large', { status: 513, reason: 'Message Too Large' })
  }
  const buffer = asBuffer(bytes)
  return readMessage(buffer.toString('latin1'), buffer)
}

/** Content-Length of a head, undefined when absent; differing ones, or one that is no number, are errors. */
export function contentLength(headers: HeaderList): number | undefined {
  return headers.parsed('content-length', parseContentLength)
}

function parseContentLength(values: string[]): number | undefined {
  const [value] = values
  if (value === undefined) return undefined
  if (!/^\d{1,10}$/.test(value) || values.some((other) => other !== value)) {
    throw new SipParseError('not a Content-Length', { reason: 'Bad Content-Length' })
  }
  return Number(value)
}

function readMessage(text: string, bytes: Buffer): SipMessage {
  let start = 0
  for (let code = text.charCodeAt(0); code === 13 || code === 10; code = text.charCodeAt(start)) start++
  const eol = text.indexOf('\n', start)
  if (eol < 0) throw new SipParseError('no line end')
  const startLine = text.slice(start, text.charCodeAt(eol - 1) === 13 ? eol - 1 : eol)
  const isResponse = startLine.startsWith('SIP/')
  const fields: HeaderField[] = []
  const headers = new HeaderList(fields)
  try {
    const bodyStart = readFields(text, eol + 1, fields)
    const message = isResponse ? readStatusLine(startLine, headers) : readRequestLine(startLine, headers)
    const length = contentLength(headers)
    if (length === undefined) {
      message.body = bodyOf(bytes, bodyStart, bytes.length)
    } else {
      if (bodyStart + length > bytes.length) {
        throw new SipParseError('the body is shorter than Content-Length', { reason: 'Body Too Short' })
      }
      message.body = bodyOf(bytes, bodyStart, bodyStart + length)
    }
    return message
  } catch (error) {
    if (error instanceof SipParseError && !isResponse) {
      error.headers = headers
      error.method = startLine.split(' ', 1)[0]
    }
    throw error
  }
}

/**
 * A copy in memory of its own (not of the pool): messages are kept for the 32 seconds of their transaction, and would keep
 * the whole datagram with them.
 */
function bodyOf(bytes: Buffer, start: number, end: number): Uint8Array {
  if (start >= end) return NO_BODY
  const body = Buffer.allocUnsafeSlow(end - start)
  bytes.copy(body, 0, start, end)
  return body
}

/** Appends the fields of the head to `fields`; returns where the body begins. */
function readFields(text: string, start: number, fields: HeaderField[]): number {
  let at = start
  let carriageReturn = text.indexOf('\r', at)
  for (;;) {
    let eol = text.indexOf('\n', at)
    if (eol < 0) throw new SipParseError('the headers do not end')
    let end = eol
    if (carriageReturn === eol - 1) {
      end = carriageReturn
      carriageReturn = text.indexOf('\r', eol)
    }
    if (end === at) return eol + 1
    // Folded lines (RFC 3261 §7.3.1) belong to the field.
    for (let code = text.charCodeAt(eol + 1); code === 32 || code === 9; code = text.charCodeAt(eol + 1)) {
      eol = text.indexOf('\n', eol + 1)
      if (eol < 0) throw new SipParseError('the headers do not end')
      end = eol
      if (carriageReturn === eol - 1) {
        end = carriageReturn
        carriageReturn = text.indexOf('\r', eol)
      }
    }
    // A CR within a line would be a line end to others.
    if (carriageReturn >= 0 && carriageReturn < eol) throw new SipParseError('a CR without LF')
    if (end - at > messageLimits.headerBytesMax)
      throw new SipParseError('a header line is too long', { reason: 'Header Too Long' })
    if (fields.length === messageLimits.headersMax)
      throw new SipParseError('too many headers', { reason: 'Too Many Headers' })
    fields.push(readField(text, at, end))
    at = eol + 1
  }
}

function readField(text: string, start: number, end: number): HeaderField {
  const colon = text.indexOf(':', start)
  if (colon < 0 || colon >= end) throw new SipParseError('a header line without colon')
  let nameEnd = colon
  for (let code = text.charCodeAt(nameEnd - 1); code === 32 || code === 9; code = text.charCodeAt(nameEnd - 1))
    nameEnd--
  const key = nameEnd > start ? headerKey(text.slice(start, nameEnd)) : undefined
  if (key === undefined) throw new SipParseError('a header name is no token')
  return { key, text, start, colon, end, value: undefined }
}

/** `METHOD SP Request-URI SP SIP/2.0` (RFC 3261 §7.1); the URI itself is judged when it is asked for. */
function readRequestLine(line: string, headers: HeaderList): Request {
  const first = line.indexOf(' ')
  const last = line.lastIndexOf(' ')
  const method = line.slice(0, first)
  const version = line.slice(last + 1)
  if (first <= 0 || !isToken(method)) throw new SipParseError('not a request line')
  if (version !== 'SIP/2.0' && version.toUpperCase() !== 'SIP/2.0') {
    if (/^SIP\/\d+\.\d+$/i.test(version)) {
      throw new SipParseError('not SIP/2.0', { status: 505, reason: 'Version Not Supported' })
    }
    throw new SipParseError('not a request line')
  }
  if (last - first < 2 || line.indexOf(' ', first + 1) !== last) {
    throw new SipParseError('the Request-URI is empty or has a space', { reason: 'Bad Request-URI' })
  }
  if (last - first > messageLimits.uriBytesMax) {
    throw new SipParseError('the Request-URI is too long', { status: 414, reason: 'Request-URI Too Long' })
  }
  return new Request(method, line.slice(first + 1, last), headers)
}

/** `SIP/2.0 SP Status SP Reason` (RFC 3261 §7.2); the space before an empty reason may be missing. */
function readStatusLine(line: string, headers: HeaderList): Response {
  const match = /^SIP\/2\.0 ([1-6]\d\d)(?: ([^\r]*))?$/i.exec(line)
  if (!match) throw new SipParseError('not a status line')
  return new Response(Number(match[1]), match[2] ?? '', headers)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
