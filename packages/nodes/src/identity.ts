import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, ThorError } from '@thor-node/core'
import {
  decodeRingIdentity,
  decodeRootKey,
  encodeRingIdentity,
  encodeRootKey,
  type IssuerState,
  type NodeKey,
  type RingIdentity,
  type RootKey,
  type SavedRoster,
  type SignedCertificate,
} from '@thor-node/overlay'
import { pack, unpack } from 'msgpackr'
import { leftIdentityPath } from './control/path.ts'

/** Who this node is: lives on its disk and dies with it. */
export interface Identity {
  key: NodeKey
  ring: RingIdentity
  /** As it was given at the join; newer ones are in the roster. */
  certificate: SignedCertificate
  /** Starts so far. */
  boots: number
  /** The first node of the ring has yet to create the ranges. */
  genesis: boolean
}

/** Of the file `identity`. The first rings had one key on every node. */
const FORMAT = 2

const ROOT_FILE = 'ring-root.key'
const PRIVATE_FILE = 0o600
const PRIVATE_DIRECTORY = 0o700

/** Replaces a file so that after a power cut it is the old one or the new one. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const next = `${path}.next`
  const file = await open(next, 'w', PRIVATE_FILE)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The files of the data directory that say who this node is and whom it knows. */
export class IdentityFiles {
  readonly #data: string

  constructor(init: { data: string }) {
    this.#data = init.data
  }

  /** Makes the data directory. Throws `NODE_DATA_DIRECTORY`. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#data, { recursive: true, mode: PRIVATE_DIRECTORY })
    } catch (cause) {
      throw new ThorError(
        'NODE_DATA_DIRECTORY',
        `cannot make the data directory ${this.#data}; choose another with --data`,
        { cause },
      )
    }
  }

  /** Undefined for a node that is in no ring yet. Throws `NODE_IDENTITY_BROKEN`. */
  async load(): Promise<Identity | undefined> {
    const bytes = await readIfThere(join(this.#data, 'identity'))
    if (!bytes) return undefined
    let format: unknown
    try {
      const { key, ring, certificate, boots, genesis, ...rest } = unpack(bytes)
      format = rest.format
      if (format !== FORMAT) throw new TypeError('another format')
      return { key, ring: decodeRingIdentity(ring), certificate, boots, genesis }
    } catch (cause) {
      const path = join(this.#data, 'identity')
      if (format === undefined) {
        const remedy = 'empty it, then make the ring anew or join one with an invite'
        throw new ThorError('NODE_IDENTITY_OLD', `${path} is of a version whose rings had other keys; ${remedy}`, {
          cause,
        })
      }
      const remedy = 'restore the file, or empty the directory and join with a new invite'
      throw new ThorError('NODE_IDENTITY_BROKEN', `${path} cannot be read; ${remedy}`, {
        cause,
      })
    }
  }

  save({ ring, ...rest }: Identity): Promise<void> {
    return replaceFile(join(this.#data, 'identity'), pack({ ...rest, format: FORMAT, ring: encodeRingIdentity(ring) }))
  }

  /** This node has left its ring: it must not come back as the member that it was. */
  async markLeft(): Promise<void> {
    await rm(join(this.#data, 'issuer'), { force: true })
    await rename(join(this.#data, 'identity'), leftIdentityPath(this.#data))
  }

  async hasLeft(): Promise<boolean> {
    return (await readIfThere(leftIdentityPath(this.#data))) !== undefined
  }

  /** The disk is an old copy: it must not be used again, but as a new member or by order of an operator (`takeBack`). */
  async markStale(): Promise<void> {
    await rename(join(this.#data, 'identity'), join(this.#data, 'identity.stale'))
  }

  async isStale(): Promise<boolean> {
    return (await readIfThere(join(this.#data, 'identity.stale'))) !== undefined
  }

  async takeBack(): Promise<void> {
    await rename(join(this.#data, 'identity.stale'), join(this.#data, 'identity'))
  }

  /** Deletes what is left of a former life, so that the node can join as a new member. */
  async clear(): Promise<void> {
    for (const name of ['records', 'roster', 'issuer', 'identity.left', 'identity.stale']) {
      await rm(join(this.#data, name), { recursive: true, force: true })
    }
  }

  async loadRoster(): Promise<SavedRoster> {
    const bytes = await readIfThere(join(this.#data, 'roster'))
    return bytes ? unpack(bytes) : { certificates: [], issuers: [], revocations: [], members: [] }
  }

  saveRoster(roster: SavedRoster): Promise<void> {
    return replaceFile(join(this.#data, 'roster'), pack(roster))
  }

  /** The issuer key of this node. It never leaves this file. */
  async loadIssuer(): Promise<IssuerState> {
    const bytes = await readIfThere(join(this.#data, 'issuer'))
    return bytes ? unpack(bytes) : {}
  }

  saveIssuer(state: IssuerState): Promise<void> {
    return replaceFile(join(this.#data, 'issuer'), pack(state))
  }

  get #rootPath(): string {
    return join(this.#data, ROOT_FILE)
  }

  /** The path of the root key file, while it is there. */
  async rootThere(): Promise<string | undefined> {
    return (await readIfThere(this.#rootPath)) && this.#rootPath
  }

  /** The root key of the ring, where it was made and as long as nobody has moved it away. */
  async loadRoot(): Promise<RootKey | undefined> {
    const bytes = await readIfThere(this.#rootPath)
    return bytes && decodeRootKey(bytes.toString('utf8'))
  }

  /** Never over another one: that may be the only copy. */
  async saveRoot(root: RootKey): Promise<void> {
    const old = await this.loadRoot().catch(() => undefined)
    if (old) await rename(this.#rootPath, `${this.#rootPath}.${old.ringId}`)
    await replaceFile(this.#rootPath, Buffer.from(encodeRootKey(root)))
  }
}
