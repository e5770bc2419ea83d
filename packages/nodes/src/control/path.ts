import { join } from 'node:path'
import { ThorError } from '@thor-node/core'
import { SOCKET_PATH_MAX_BYTES } from './limits.ts'

/** The identity of a node that has left its ring for good; there before its process ends. */
export const leftIdentityPath = (data: string): string => join(data, 'identity.left')

/** The control socket of the node that keeps its things in `data`. @throws ThorError `CONTROL_PATH_TOO_LONG` */
export function controlPath(data: string): string {
  const path = join(data, 'control.sock')
  const length = Buffer.byteLength(path)
  if (length > SOCKET_PATH_MAX_BYTES) {
    throw new ThorError(
      'CONTROL_PATH_TOO_LONG',
      `the control socket ${path} would have a path of ${length} octets, and ${SOCKET_PATH_MAX_BYTES} is the most that ` +
        'works. Choose a data directory with a shorter path (--data DIR).',
    )
  }
  return path
}
