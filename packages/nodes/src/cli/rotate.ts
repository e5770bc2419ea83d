/** Issuer keys: certified by the ring's root key, which is in a file that is off the servers. */
import { readFileSync } from 'node:fs'
import { ThorError } from '@thor-node/core'
import { formatTime } from '../status/format.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { cannot } from './files.ts'
import { nodeVerb, type Verb } from './verb.ts'

interface RotateOptions extends NodeOptions {
  root?: string
  request?: boolean
  certify?: string
  install?: string
}

/** The argument itself, or what is in the file that it names. */
function textOf(argument: string): string {
  return argument.startsWith('thor-issuer-') ? argument : readText(argument)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    return cannot('read', path)(cause)
  }
}

/** Where the root key is: needs no node, and no network. */
async function certify(rootPath: string, request: string, now: number): Promise<string> {
  const { certifyIssuer, decodeRootKey } = await import('@thor-node/overlay')
  const { decodeIssuerRequest, encodeIssuerCertificate } = await import('../issuer-text.ts')
  const root = decodeRootKey(readText(rootPath))
  const asked = decodeIssuerRequest(request)
  if (asked.ringId !== root.ringId) {
    throw new ThorError('ADMISSION_BAD_ROOT_KEY', `${rootPath} is the root key of another ring than that of the node`)
  }
  return encodeIssuerCertificate(certifyIssuer(root, asked, now))
}

async function run(console: Console, options: RotateOptions): Promise<void> {
  const now = console.clock.wall()
  if (options.certify !== undefined) {
    if (options.root === undefined) throw new ThorError('NODE_ROTATE', 'name the root key file: --root FILE')
    const certificate = await certify(options.root, textOf(options.certify), now)
    return show(console, options, { certificate }, () => certificate)
  }
  const node = nodeOf(console, options)
  const install = async (certificate: string): Promise<void> => {
    const result = await node.issuerInstall({ certificate })
    show(
      console,
      options,
      result,
      ({ issuerUntil }) => `This node has a new issuer key, until ${formatTime(issuerUntil)} UTC.`,
    )
  }
  if (options.install !== undefined) return install(textOf(options.install))
  if (!options.request && options.root === undefined) {
    throw new ThorError(
      'NODE_ROTATE',
      'the root key of the ring has to certify the new issuer key. With its file here: thor-node rotate --root FILE. ' +
        'Else: --request here, --certify REQUEST --root FILE where it is, --install CERTIFICATE here.',
    )
  }
  const { request, ringId } = await node.issuerRequest()
  if (options.root !== undefined) return install(await certify(options.root, request, now))
  show(console, options, { request, ringId }, () => request)
}

export const rotateVerb: Verb = (console) =>
  nodeVerb(
    'rotate',
    'Give this node a new issuer key, certified by the root key of the ring: to make it an issuer, before its key ends, or when ' +
      'the key may be in wrong hands. The one before is revoked; members that it certified get new certificates at once.',
    `thor-node rotate --root /media/key/ring-root.key
     thor-node rotate --request > request.txt                               on the node
     thor-node rotate --certify request.txt --root ring-root.key > new.txt  where the root key is: no node, no network
     thor-node rotate --install new.txt                                     on the node`,
  )
    .option('--root <file>', 'the root key file')
    .option('--request', 'print what the root key is to certify')
    .option('--certify <request>', 'print the certificate for a request (its text, or a file)')
    .option('--install <certificate>', 'take it (its text, or a file)')
    .action((options: RotateOptions) => run(console, options))
