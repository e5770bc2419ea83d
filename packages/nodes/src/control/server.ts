/**
 * NodeOperations on a Unix socket, as HTTP with JSON: `POST /<operation>` with the query as body; 200 with the result, or
 * another status with a ControlFailure. Only the user that runs the node can open the socket (mode 0600), which is all
 * the authentication there is. `curl --unix-socket DATA/control.sock -d '{}' http://node/status` works too.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { errorCode, errorMessage, type Lifecycle, type Logger, ThorError } from '@thor-node/core'
import { answersAt } from './client.ts'
import type { NodeOperations } from './contract.ts'
import { CONNECTIONS_MAX, REQUEST_BODY_MAX_BYTES } from './limits.ts'
import { type ControlFailure, isOperation, queries } from './operations.ts'
import { controlPath } from './path.ts'

export interface ControlServerComponents {
  logger: Logger
  operations: NodeOperations
}

export interface ControlServerInit {
  /** Data directory; the socket is `control.sock` in it. */
  data: string
}

/** `text` is JSON. */
type Answer = { status: number; text: string }

const failure = (status: number, code: string, message: string): Answer => ({
  status,
  text: JSON.stringify({ error: { code, message } } satisfies ControlFailure),
})

export class ControlServer implements Lifecycle {
  readonly #components: ControlServerComponents
  readonly #logger: Logger
  readonly #data: string
  #server: Server | undefined
  readonly #answering = new Set<Promise<void>>()

  constructor(components: ControlServerComponents, init: ControlServerInit) {
    this.#components = components
    this.#logger = components.logger.forComponent('control')
    this.#data = init.data
  }

  /** @throws ThorError `CONTROL_PATH_TOO_LONG` */
  get path(): string {
    return controlPath(this.#data)
  }

  /** @throws ThorError `CONTROL_NODE_RUNNING` when another process serves this directory, `CONTROL_SOCKET` */
  async start(): Promise<void> {
    if (this.#server) return
    const path = this.path
    if (await answersAt(path)) {
      throw new ThorError(
        'CONTROL_NODE_RUNNING',
        `a node already runs on the data directory ${this.#data}. Stop it first, or give this one another (--data DIR).`,
      )
    }
    const server = createServer((request, response) => {
      const answering = this.#serve(request, response).finally(() => this.#answering.delete(answering))
      this.#answering.add(answering)
    })
    server.maxConnections = CONNECTIONS_MAX
    this.#server = server
    try {
      mkdirSync(dirname(path), { recursive: true })
      rmSync(path, { force: true })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        // Nobody else may connect between bind and chmod.
        const mask = process.umask(0o177)
        server.listen(path, () => resolve())
        process.umask(mask)
      })
      chmodSync(path, 0o600)
    } catch (cause) {
      this.#server = undefined
      server.close()
      throw new ThorError(
        'CONTROL_SOCKET',
        `cannot open the control socket ${path}: ${errorMessage(cause)}. Is the data directory writable?`,
        { cause },
      )
    }
    server.removeAllListeners('error')
    server.on('error', (error) => this.#logger.warn('control socket failed', { error }))
  }

  /** The command that ends the node gets its answer first. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#answering)
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
    rmSync(this.path, { force: true })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const { status, text } = await this.#answer(request)
    if (response.destroyed) return
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    await new Promise<void>((resolve) => {
      response.once('close', resolve)
      response.end(text, () => resolve())
    })
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const name = (request.url ?? '').replace(/^\//, '')
    const { operations } = this.#components
    if (!isOperation(name) || !operations[name]) {
      return failure(
        404,
        'CONTROL_UNKNOWN_OPERATION',
        `this node knows no operation "${name}". Are the versions the same?`,
      )
    }
    if (request.method !== 'POST') return failure(405, 'CONTROL_METHOD', 'use POST')

    const text = await readBody(request)
    if (text === undefined) return failure(413, 'CONTROL_QUERY_TOO_LARGE', `more than ${REQUEST_BODY_MAX_BYTES} octets`)
    const query = queries[name].safeParse(parseJson(text))
    if (!query.success) {
      const issue = query.error.issues[0]
      const where = issue?.path.length ? `${issue.path.join('.')}: ` : ''
      return failure(400, 'CONTROL_BAD_QUERY', `bad query for ${name}: ${where}${issue?.message ?? 'not understood'}`)
    }
    try {
      const run = operations[name] as (query: unknown) => Promise<unknown>
      return { status: 200, text: JSON.stringify((await run.call(operations, query.data)) ?? null) }
    } catch (error) {
      const known = error instanceof ThorError
      if (!known) this.#logger.error('operation failed', { operation: name, error })
      return failure(known ? 409 : 500, errorCode(error) ?? 'CONTROL_FAILED', errorMessage(error))
    }
  }
}

/** The body as text; undefined when it is too long or was cut off. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= REQUEST_BODY_MAX_BYTES) chunks.push(chunk)
    })
    request.on('end', () => {
      resolve(length <= REQUEST_BODY_MAX_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined)
    })
    request.on('close', () => resolve(undefined))
  })
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
