import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, ThorError } from '@thor-node/core'
import {
  decodeRingIdentity,
  encodeRingIdentity,
  type NodeKey,
  type RingIdentity,
  type SavedRoster,
  type SignedCertificate,
} from '@thor-node/overlay'
import { pack, unpack } from 'msgpackr'

/** Who this node is: lives on its disk and dies with it. */
export interface Identity {
  key: NodeKey
  ring: RingIdentity
  certificate: SignedCertificate
  /** Starts so far. */
  boots: number
  /** The first node of the ring has yet to create the ranges. */
  genesis: boolean
}

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
    try {
      const { key, ring, certificate, boots, genesis } = unpack(bytes)
      return { key, ring: decodeRingIdentity(ring), certificate, boots, genesis }
    } catch (cause) {
      const remedy = 'restore the file, or empty the directory and join with a new invite'
      throw new ThorError('NODE_IDENTITY_BROKEN', `${join(this.#data, 'identity')} cannot be read; ${remedy}`, {
        cause,
      })
    }
  }

  save({ ring, ...rest }: Identity): Promise<void> {
    return replaceFile(join(this.#data, 'identity'), pack({ ...rest, ring: encodeRingIdentity(ring) }))
  }

  /** This node has left its ring: it must not come back as the member that it was. */
  async markLeft(): Promise<void> {
    await rename(join(this.#data, 'identity'), join(this.#data, 'identity.left'))
  }

  async hasLeft(): Promise<boolean> {
    return (await readIfThere(join(this.#data, 'identity.left'))) !== undefined
  }

  /** Deletes what is left of a former life, so that the node can join as a new member. */
  async clear(): Promise<void> {
    for (const name of ['records', 'roster', 'identity.left']) {
      await rm(join(this.#data, name), { recursive: true, force: true })
    }
  }

  async loadRoster(): Promise<SavedRoster> {
    const bytes = await readIfThere(join(this.#data, 'roster'))
    return bytes ? unpack(bytes) : { certificates: [], members: [] }
  }

  saveRoster(roster: SavedRoster): Promise<void> {
    return replaceFile(join(this.#data, 'roster'), pack(roster))
  }
}
