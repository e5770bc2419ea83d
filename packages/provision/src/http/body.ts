import type { IncomingMessage } from 'node:http'

/** Bytes of all bodies that are not whole yet, together. */
export interface Bodies {
  sizeBytes: number
}

/**
 * The whole body of a request, or why there is none. Of one that is too large the rest is read and thrown away (up to as much
 * again), so that the client gets to read the answer instead of a reset connection. `busy`: all bodies together are too large.
 */
export function readBody(
  request: IncomingMessage,
  sizeBytesMax: number,
  all: Bodies,
  allBytesMax: number,
): Promise<Buffer | 'too-large' | 'busy' | 'aborted'> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let sizeBytes = 0
    let keptBytes = 0
    let refused: 'too-large' | 'busy' | undefined
    const end = (body: Buffer | 'too-large' | 'busy' | 'aborted'): void => {
      all.sizeBytes -= keptBytes
      keptBytes = 0
      chunks = []
      resolve(body)
    }
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > sizeBytesMax) refused = 'too-large'
      else if (all.sizeBytes + chunk.length > allBytesMax) refused ??= 'busy'
      if (!refused) {
        all.sizeBytes += chunk.length
        keptBytes += chunk.length
        return void chunks.push(chunk)
      }
      all.sizeBytes -= keptBytes
      keptBytes = 0
      chunks = []
      if (sizeBytes <= 2 * sizeBytesMax) return
      request.pause()
      end(refused)
    })
    request.on('end', () => end(refused ?? Buffer.concat(chunks)))
    request.on('error', () => end('aborted'))
    request.on('close', () => end('aborted'))
  })
}
