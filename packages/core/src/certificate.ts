/** X.509 certificates that this code makes itself (RFC 5280 §4.1), DER written by hand; reading them is left to node:crypto. */
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import type { TlsFiles } from './net-tls.ts'

export interface CertificateInit {
  commonName: string
  /** Host names and literal addresses. */
  altNames: readonly string[]
  /** `sip:example.com`: SIP domains as RFC 5922 §7.1 likes them best. */
  altUris?: readonly string[]
  /** At most 16 bytes. */
  serial: Uint8Array
  /** Wall times in ms. */
  notBefore: number
  notAfter: number
  /** Signs instead of the certificate's own key. */
  issuer?: TlsFiles
  /** May sign others. */
  authority?: boolean
}

const ECDSA_SHA256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const ALT_NAME = Buffer.from('0603551d11', 'hex')
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex')
const TRUE = Buffer.from('0101ff', 'hex')

/** A new ECDSA key (P-256) and a certificate for it, self-signed unless there is an issuer with such a key. */
export function makeCertificate(init: CertificateInit): TlsFiles {
  const { issuer } = init
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const name = commonName(init.commonName)
  const body = der(
    0x30,
    der(0xa0, integer(Buffer.of(2))),
    integer(init.serial),
    ECDSA_SHA256,
    issuer ? commonName(commonNameOf(issuer.cert)) : name,
    der(0x30, time(init.notBefore), time(init.notAfter)),
    name,
    own.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions(init))),
  )
  const signature = sign('sha256', body, createPrivateKey(issuer?.key ?? key))
  const cert = toPem('CERTIFICATE', der(0x30, body, ECDSA_SHA256, der(0x03, Buffer.of(0), signature)))
  return { cert: issuer ? cert + issuer.cert : cert, key }
}

/** Tag, length (X.690 §8.1.3), content. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}

export function toPem(label: 'CERTIFICATE' | 'PRIVATE KEY', bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** Positive: the first bit is 0. */
/** Positive, and as short as it can be: the first octet is neither 0 nor above 0x7f (X.690 §8.3.2). */
const integer = (bytes: Uint8Array): Buffer => {
  const first = bytes[0] ?? 0
  return der(0x02, first > 0 && first < 0x80 ? bytes : Buffer.concat([Buffer.of(1), bytes]))
}

const commonName = (text: string): Buffer =>
  der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from(text.slice(0, 64))))))

const commonNameOf = (cert: string): string => /^CN=(.*)$/m.exec(new X509Certificate(cert).subject)?.[1] ?? ''

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time(wallMs: number): Buffer {
  const text = new Date(wallMs).toISOString().replace(/\.\d+|[-:T]/g, '')
  return text < '2050' ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}

function extensions({ altNames, altUris = [], authority }: CertificateInit): Buffer[] {
  const names = [
    ...altUris.map((uri) => der(0x86, Buffer.from(uri))),
    ...altNames.map((name) => {
      if (isIPv4(name)) return der(0x87, Buffer.from(name.split('.').map(Number)))
      return isIPv6(name) ? der(0x87, ipv6Bytes(name)) : der(0x82, Buffer.from(name))
    }),
  ]
  return [
    ...(names.length > 0 ? [der(0x30, ALT_NAME, der(0x04, der(0x30, ...names)))] : []),
    ...(authority ? [der(0x30, BASIC_CONSTRAINTS, TRUE, der(0x04, der(0x30, TRUE)))] : []),
  ]
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const words = (text: string | undefined): number[] =>
    text ? text.split(':').map((word) => Number.parseInt(word, 16)) : []
  const [before, after] = [words(head), words(tail)]
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}
