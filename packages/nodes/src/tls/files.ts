/**
 * Certificates in a directory, as programs that fetch them leave them:
 *
 *     example.com.crt  example.com.key          a pair (also .pem beside .key)
 *     example.com/fullchain.pem  privkey.pem     a folder of certbot and its like
 */
import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorMessage, ThorError, type TlsContext, type TlsFiles, tlsContext } from '@thor-node/core'
import { CERTIFICATES_MAX } from './limits.ts'

/** Where the two halves of one certificate are. */
export interface Pair {
  name: string
  certFile: string
  keyFile: string
}

export interface Certificate {
  name: string
  files: TlsFiles
  context: TlsContext
  /** Host names that it is for, lower case; `*.example.com` is one. */
  names: readonly string[]
  /** Wall time in ms. */
  notAfter: number
  /** Changes whenever a file does. */
  stamp: string
}

/** In alphabetical order, at most CERTIFICATES_MAX; none when there is no such directory. */
export async function findPairs(directory: string): Promise<Pair[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
  const names = new Set(entries.map(({ name }) => name))
  const pairs: Pair[] = []
  for (const entry of entries) {
    const { name } = entry
    // Links to folders are what certbot's live/ is full of.
    const inside = entry.isFile() ? [] : await readdir(join(directory, name)).catch(() => [])
    if (inside.includes('fullchain.pem') && inside.includes('privkey.pem')) {
      const at = (file: string): string => join(directory, name, file)
      pairs.push({ name, certFile: at('fullchain.pem'), keyFile: at('privkey.pem') })
    }
    const base = /^(.+)\.(?:crt|pem)$/.exec(name)?.[1]
    if (base !== undefined && names.has(`${base}.key`)) {
      pairs.push({ name: base, certFile: join(directory, name), keyFile: join(directory, `${base}.key`) })
    }
  }
  return pairs.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, CERTIFICATES_MAX)
}

/** Modification times and sizes of both files. */
export async function stampOf({ certFile, keyFile }: Pair): Promise<string> {
  const [cert, key] = await Promise.all([stat(certFile), stat(keyFile)])
  return [cert.mtimeMs, cert.size, key.mtimeMs, key.size].join(' ')
}

/** Throws `NET_TLS_CERTIFICATE` when they do not belong together or are no certificate and key. */
export async function readPair(pair: Pair, stamp: string, ca: string | undefined): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(pair.certFile, 'utf8'), readFile(pair.keyFile, 'utf8')])
  return certificateOf(pair.name, { cert, key, ...(ca !== undefined && { ca }) }, stamp)
}

export function certificateOf(name: string, files: TlsFiles, stamp: string): Certificate {
  const context = tlsContext(files)
  const leaf = leafOf(files.cert)
  const alternatives = (leaf.subjectAltName ?? '').split(', ').flatMap((text) => /^DNS:(.+)$/.exec(text)?.[1] ?? [])
  const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1]
  const names = alternatives.length > 0 ? alternatives : common === undefined ? [] : [common]
  return {
    name,
    files,
    context,
    names: names.map((one) => one.toLowerCase()),
    notAfter: leaf.validToDate.getTime(),
    stamp,
  }
}

function leafOf(cert: string): X509Certificate {
  try {
    return new X509Certificate(cert)
  } catch (cause) {
    throw new ThorError('NET_TLS_CERTIFICATE', `certificate cannot be read: ${errorMessage(cause)}`, { cause })
  }
}
