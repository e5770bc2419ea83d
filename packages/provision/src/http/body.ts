import type { IncomingMessage } from 'node:http'

/**
 * The whole body of a request, or why there is none. Of one that is too large the rest is read and thrown away (up to as much
 * again), so that the client gets to read the answer instead of a reset connection.
 */
export function readBody(request: IncomingMessage, sizeBytesMax: number): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let sizeBytes = 0
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes <= sizeBytesMax) return void chunks.push(chunk)
      chunks = []
      if (sizeBytes <= 2 * sizeBytesMax) return
      request.pause()
      resolve('too-large')
    })
    request.on('end', () => resolve(sizeBytes > sizeBytesMax ? 'too-large' : Buffer.concat(chunks)))
    request.on('error', () => resolve('aborted'))
    request.on('close', () => resolve('aborted'))
  })
}
