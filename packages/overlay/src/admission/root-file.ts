import { ThorError, toPem } from '@thor-node/core'
import type { RootKey } from './issuer.ts'
import { keyIdOf, publicKeyOf } from './signed.ts'

/** The file that holds the root key: PEM (RFC 7468) below lines that say what it is. Keep it private. */
export function encodeRootKey({ ringId, privateKey }: RootKey): string {
  return [
    `# Root key of the thor-node ring ${ringId}.`,
    '# Whoever has it can make issuers, and with them members. Keep it off the servers: on a medium that is locked away, twice.',
    '# It is needed to make an issuer: thor-node rotate --root FILE.',
    toPem('PRIVATE KEY', privateKey),
  ].join('\n')
}

/** Throws `ADMISSION_BAD_ROOT_KEY` for anything that is not such a file. */
export function decodeRootKey(text: string): RootKey {
  const pem = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(text)?.[1]
  try {
    if (pem === undefined) throw new TypeError('there is no private key in it')
    const privateKey = Uint8Array.from(Buffer.from(pem, 'base64'))
    const publicKey = Uint8Array.from(publicKeyOf(privateKey))
    return { ringId: keyIdOf(publicKey), publicKey, privateKey }
  } catch (cause) {
    throw new ThorError('ADMISSION_BAD_ROOT_KEY', 'this is not the file of a root key', { cause })
  }
}
