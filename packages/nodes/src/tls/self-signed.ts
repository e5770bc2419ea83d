/** The certificate that a node shows until an operator gives it a better one: made once, kept in the data directory. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, makeCertificate, type Random } from '@thor-node/core'
import { type Certificate, certificateOf } from './files.ts'
import { ENDS_SOON_MS, SELF_SIGNED_MS } from './limits.ts'

const NAME = 'self-signed'
const HOUR_MS = 3_600_000
const PRIVATE_FILE = 0o600
const PRIVATE_DIRECTORY = 0o700

export interface SelfSignedInit {
  directory: string
  /** The first is its common name. */
  names: readonly string[]
  ca: string | undefined
  /** Wall time in ms. */
  now: number
}

/** The one on the disk, or a new one when there is none, it ends soon or is for other names. */
export async function selfSigned(random: Random, init: SelfSignedInit): Promise<Certificate> {
  const { directory, names, ca, now } = init
  const file = (kind: string): string => join(directory, `${NAME}.${kind}`)
  const known = await readIfThere(file('crt'), file('key'), ca)
  const hosts = names.filter((name) => !/^[\d.]+$|:/.test(name))
  if (known && known.notAfter > now + ENDS_SOON_MS && hosts.every((name) => known.names.includes(name))) return known
  const made = makeCertificate({
    commonName: names[0] ?? NAME,
    altNames: names,
    serial: random.bytes(8),
    // Clocks of phones are not those of servers.
    notBefore: now - HOUR_MS,
    notAfter: now + SELF_SIGNED_MS,
  })
  await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY })
  for (const [kind, text] of [
    ['key', made.key],
    ['crt', made.cert],
  ] as const) {
    await writeFile(`${file(kind)}.next`, text, { mode: PRIVATE_FILE })
    await rename(`${file(kind)}.next`, file(kind))
  }
  return certificateOf(NAME, { ...made, ...(ca !== undefined && { ca }) }, NAME)
}

async function readIfThere(crt: string, key: string, ca: string | undefined): Promise<Certificate | undefined> {
  try {
    const files = { cert: await readFile(crt, 'utf8'), key: await readFile(key, 'utf8') }
    return certificateOf(NAME, { ...files, ...(ca !== undefined && { ca }) }, NAME)
  } catch (error) {
    // Damaged ones are replaced: nobody can have pinned what cannot be shown.
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'NET_TLS_CERTIFICATE') return undefined
    throw error
  }
}

export const isSelfSigned = ({ name }: Pick<Certificate, 'name'>): boolean => name === NAME
