import { errorMessage, ThorError } from '@thor-node/core'

/** For what could not be done with a file that the command line names. @throws ThorError `NODE_FILE` */
export const cannot =
  (what: 'read' | 'write', file: string) =>
  (cause: unknown): never => {
    throw new ThorError('NODE_FILE', `cannot ${what} ${file}: ${errorMessage(cause)}`, { cause })
  }
