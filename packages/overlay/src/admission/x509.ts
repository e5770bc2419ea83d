import { createPrivateKey, sign } from 'node:crypto'
import { der } from '@thor-node/core'

/**
 * The certificate that a door shows: self-signed, Ed25519, X.509 v3 without extensions (RFC 5280 §4.1, RFC 8410). Nobody reads
 * its names or dates: the invite pins its key, which is that of the node.
 */
const ED25519 = der(0x30, Buffer.from('06032b6570', 'hex'))
const COMMON_NAME = Buffer.from('0603550403', 'hex')

export function selfSignedCertificate(
  keys: { publicKey: Uint8Array; privateKey: Uint8Array },
  subject: { commonName: string; serial: Uint8Array },
): Uint8Array {
  const name = der(0x30, der(0x31, der(0x30, Buffer.concat([COMMON_NAME, der(0x0c, Buffer.from(subject.commonName))]))))
  // RFC 5280 §4.1.2.5: a certificate that does not end.
  const validity = der(0x30, Buffer.concat([der(0x17, ascii('260101000000Z')), der(0x18, ascii('99991231235959Z'))]))
  // A positive INTEGER: the first bit is 0 and the first byte is not.
  const serial = Buffer.concat([Buffer.from([0x01]), subject.serial])
  const body = der(
    0x30,
    Buffer.concat([
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, serial),
      ED25519,
      name,
      validity,
      name,
      keys.publicKey,
    ]),
  )
  const key = createPrivateKey({ key: Buffer.from(keys.privateKey), format: 'der', type: 'pkcs8' })
  const signature = Buffer.concat([Buffer.from([0]), sign(null, body, key)])
  return der(0x30, Buffer.concat([body, ED25519, der(0x03, signature)]))
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
