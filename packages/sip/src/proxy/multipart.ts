/** The SDP inside a multipart body (RFC 2046 §5.1), such as one with ISUP or a location beside it. */

/** Where the SDP stands in `body`: offsets of its content. Undefined when there is none, or the body is not well formed. */
export function findSdpPart(contentType: string, body: string): { start: number; end: number } | undefined {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return undefined
  const delimiter = `\r\n--${boundary}`
  // The first delimiter may open the body.
  let at = body.startsWith(delimiter.slice(2)) ? delimiter.length - 2 : after(body, delimiter, 0)
  while (at !== undefined && !body.startsWith('--', at)) {
    const lineEnd = body.indexOf('\r\n', at)
    const end = lineEnd < 0 ? -1 : body.indexOf(delimiter, lineEnd)
    if (end < 0) return undefined
    const part = body.slice(lineEnd, end)
    const headEnd = part.indexOf('\r\n\r\n')
    if (headEnd >= 0 && isPlainSdp(part.slice(0, headEnd))) return { start: lineEnd + headEnd + 4, end }
    at = end + delimiter.length
  }
  return undefined
}

function after(text: string, what: string, from: number): number | undefined {
  const at = text.indexOf(what, from)
  return at < 0 ? undefined : at + what.length
}

function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\//i.test(contentType)) return undefined
  const match = /;\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  return match?.[1] ?? match?.[2]
}

/** A part whose content is SDP as it stands, without a transfer encoding. */
const isPlainSdp = (head: string): boolean =>
  /\r\ncontent-type[ \t]*:[ \t]*application\/sdp[ \t]*(;|$|\r\n)/i.test(head) &&
  !/\r\ncontent-transfer-encoding[ \t]*:[ \t]*(base64|quoted-printable)/i.test(head)
