import { connect } from 'node:net'

/** Sends bytes on a connection of its own and reads until the server closes it, as PHP's HTTP/1.0 client does. */
export function exchange(port: number, host: string, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host })
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
}

/** A request as the PHP client writes it. */
export function phpPost(envelope: string, path = '/'): string {
  return [
    `POST ${path} HTTP/1.0`,
    'User-Agent: PEAR-SOAP 0.11.0-beta',
    'Host: 127.6.0.2',
    'Content-Type: text/xml; charset=UTF-8',
    `Content-Length: ${Buffer.byteLength(envelope)}`,
    'SOAPAction: ""',
    'Connection: close',
    '',
    envelope,
  ].join('\r\n')
}

export const authHeader = (username = 'admin', password = 'secret', more = ''): string =>
  `<auth SOAP-ENV:actor="0" SOAP-ENV:mustUnderstand="0"><username xsi:type="xsd:string">${username}</username>` +
  `<password xsi:type="xsd:string">${password}</password><admin xsi:type="xsd:boolean">true</admin>${more}</auth>`

export function phpEnvelope(body: string, header = authHeader()): string {
  return `<?xml version="1.0" encoding="UTF-8"?>

<SOAP-ENV:Envelope  xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"
 xmlns:ns4="urn:AGProjects:NGNPro"
 xmlns:ns5="urn:AGProjects:NGNPro:Sip"
 SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
<SOAP-ENV:Header>
${header}</SOAP-ENV:Header>
<SOAP-ENV:Body>
${body}
</SOAP-ENV:Body>
</SOAP-ENV:Envelope>
`
}
