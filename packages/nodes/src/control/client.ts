/** The other end of the control socket: the same operations, for the command line. */
import { type IncomingMessage, request } from 'node:http'
import { errorCode, ThorError } from '@thor-node/core'
import type { NodeOperations } from './contract.ts'
import { ANSWER_LIMIT_MS, RESPONSE_BODY_MAX_BYTES } from './limits.ts'
import { type ControlFailure, type OperationName, queries } from './operations.ts'
import { controlPath } from './path.ts'

/** All of them: a node without one answers with an error. */
export type ControlClient = Required<NodeOperations>

function post(path: string, operation: string, query: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(query)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const options = {
      socketPath: path,
      method: 'POST',
      path: `/${operation}`,
      headers,
      timeout: ANSWER_LIMIT_MS,
      agent: false,
    }
    const outgoing = request(options, (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > RESPONSE_BODY_MAX_BYTES) response.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${ANSWER_LIMIT_MS / 1000} s`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Does somebody listen on this socket? */
export function answersAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ socketPath: path, method: 'HEAD', path: '/', timeout: 1_000, agent: false }, (response) => {
      response.resume()
      resolve(true)
    })
    probe.on('timeout', () => {
      resolve(true)
      probe.destroy()
    })
    probe.on('error', () => resolve(false))
    probe.end()
  })
}

const NOT_RUNNING = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'])

function connectError(cause: unknown, data: string, path: string): ThorError {
  const code = errorCode(cause) ?? ''
  if (NOT_RUNNING.has(code)) {
    return new ThorError(
      'CONTROL_NOT_RUNNING',
      `no node runs on the data directory ${data}. Start one with "thor-node join", or name the directory of the one ` +
        'you mean with --data DIR (or THOR_DATA).',
      { cause },
    )
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new ThorError(
      'CONTROL_PERMISSION',
      `${path} belongs to another user. Run this command as the user that runs the node.`,
      { cause },
    )
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ThorError('CONTROL_FAILED', `the node on ${data} did not answer: ${why}.`, { cause })
}

async function ask(data: string, operation: OperationName, query: unknown): Promise<unknown> {
  const path = controlPath(data)
  const { status, text } = await post(path, operation, query).catch((error: unknown) => {
    throw connectError(error, data, path)
  })
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new ThorError('CONTROL_FAILED', `what answers on ${path} is not a thor-node.`, { cause })
  }
  if (status === 200) return body
  const { error } = (body ?? {}) as Partial<ControlFailure>
  throw new ThorError(error?.code ?? 'CONTROL_FAILED', error?.message ?? `the node answered with status ${status}`)
}

/** Opens nothing until an operation is called. Failures are ThorErrors, those of the node with its own code. */
export function connectControl(data: string): ControlClient {
  const operation = (name: OperationName) => (query: unknown) => ask(data, name, query ?? {})
  const names = Object.keys(queries) as OperationName[]
  return Object.fromEntries(names.map((name) => [name, operation(name)])) as unknown as ControlClient
}
