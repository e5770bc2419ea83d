import { createHash } from 'node:crypto'
import type { Logger } from '@thor-node/core'
import type { Logins } from '../accounts/logins.ts'
import { failure, invalid } from '../errors.ts'
import { operations } from '../operations/index.ts'
import { adminCaller, type Caller } from '../schema/caller.ts'
import type { Dispatcher } from '../schema/dispatcher.ts'
import type { Operation } from '../schema/operation.ts'
import type { SchemaValue } from '../schema/types.ts'
import { hash, type Idempotency } from './idempotency.ts'
import { type Problem, problem, problemOf } from './problem.ts'
import { readArguments } from './read.ts'
import { Router } from './router.ts'

export interface RestRequest {
  method: string
  /** Without the base, such as `/sip/accounts`. */
  path: string
  query: URLSearchParams
  /** By lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Uint8Array
  from: string
}

export interface RestAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

export interface RestComponents {
  dispatcher: Pick<Dispatcher, 'run'>
  logins: Pick<Logins, 'basic' | 'token'>
  idempotency: Idempotency
  logger: Logger
}

const JSON_TYPE = 'application/json'
const nobody: Caller = { ...adminCaller(''), kind: 'user', isReseller: false, mayAdd: false }

/** REST over the operations: authenticate, find, read, run, write. */
export class RestService {
  readonly #c: RestComponents
  readonly #logger: Logger
  readonly #router = new Router(operations)

  constructor(components: RestComponents) {
    this.#c = components
    this.#logger = components.logger.forComponent('provision:rest')
  }

  async answer(request: RestRequest): Promise<RestAnswer> {
    try {
      const routed = this.#router.find(request.method === 'HEAD' ? 'GET' : request.method, request.path)
      if (!routed) return refuse(problem(404, 'Not found', 'there is no such resource; see /api/'))
      if ('allow' in routed) {
        const refusal = refuse(problem(405, 'Method not allowed', `this resource takes ${routed.allow.join(', ')}`))
        return { ...refusal, headers: { ...refusal.headers, Allow: routed.allow.join(', ') } }
      }
      const { operation, path } = routed
      const caller = operation.who === 'anyone' ? nobody : await this.#authenticate(request)
      const body = parseBody(request)
      const args = readArguments(operation, { path, query: request.query, body })
      const key = textOf(request.headers['idempotency-key'])
      if (key === undefined || !operation.changes) return await this.#run(operation, caller, args, request)
      return await this.#runOnce(operation, caller, args, request, key)
    } catch (error) {
      const refusal = problemOf(error)
      if (refusal.status === 500) this.#logger.error('operation failed', { path: request.path, error })
      else this.#logger.info('refused', { path: request.path, code: refusal.code })
      return refuse(refusal)
    }
  }

  async #authenticate({ headers, from }: RestRequest): Promise<Caller> {
    const [, scheme = '', credentials = ''] = /^(\w+)\s+(\S+)$/.exec(textOf(headers.authorization) ?? '') ?? []
    if (/^bearer$/i.test(scheme)) return this.#c.logins.token(credentials, from)
    if (!/^basic$/i.test(scheme)) {
      throw failure('PROVISION_UNAUTHENTICATED', 'send a token (Bearer), or a username and password (Basic)')
    }
    const text = Buffer.from(credentials, 'base64').toString('utf8')
    const at = text.indexOf(':')
    const impersonate = Number(textOf(headers['x-impersonate']) ?? 0)
    if (!Number.isSafeInteger(impersonate) || impersonate < 0) throw invalid('X-Impersonate', 'is not an id')
    return this.#c.logins.basic(text.slice(0, Math.max(0, at)), text.slice(at + 1), impersonate, from)
  }

  async #run(
    operation: Operation,
    caller: Caller,
    args: Record<string, SchemaValue>,
    request: RestRequest,
  ): Promise<RestAnswer> {
    const ifMatch = textOf(request.headers['if-match'])
    const etag = ifMatch === undefined || ifMatch.trim() === '*' ? undefined : bare(ifMatch)
    if (etag !== undefined && operation.changes && !operation.guarded) {
      throw invalid('If-Match', `is not taken by ${operation.port}.${operation.name}`)
    }
    const { value, seen } = await this.#c.dispatcher.run(operation, caller, args, {
      from: request.from,
      via: 'rest',
      etag,
    })
    if (value === undefined) return { status: 204, headers: {}, body: '' }
    const body = JSON.stringify(value)
    if (operation.changes) {
      const status = operation.rest.method === 'POST' && operation.name.startsWith('add') ? 201 : 200
      return { status, headers: { 'Content-Type': JSON_TYPE }, body }
    }
    const tag = seen ? `"${seen}"` : `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
    const headers = { 'Content-Type': JSON_TYPE, ETag: tag, ...linkOf(request, value) }
    const ifNone = textOf(request.headers['if-none-match'])
    const known = ifNone?.split(',').some((one) => one.trim() === '*' || bare(one) === bare(tag))
    return known ? { status: 304, headers, body: '' } : { status: 200, headers, body }
  }

  /** Under one Idempotency-Key of one caller the same request is done once; later ones get the first answer again. */
  async #runOnce(
    operation: Operation,
    caller: Caller,
    args: Record<string, SchemaValue>,
    request: RestRequest,
    given: string,
  ): Promise<RestAnswer> {
    if (given.length < 8 || given.length > 255) throw invalid('Idempotency-Key', 'is not 8 to 255 characters')
    const { idempotency } = this.#c
    const key = `${caller.username} ${given}`
    const done = `${operation.port}.${operation.name} ${caller.impersonate} ${JSON.stringify(args)}`
    const known = await idempotency.claim(key, hash(done))
    if (known) {
      const headers = { 'Idempotency-Replayed': 'true', ...(known.body !== '' && { 'Content-Type': JSON_TYPE }) }
      return { status: known.status, headers, body: known.body }
    }
    let answer: RestAnswer
    try {
      answer = await this.#run(operation, caller, args, request)
    } catch (error) {
      // What is refused changed nothing; what has an unknown outcome stays on record until it can be told.
      if (problemOf(error).status !== 504) await idempotency.finish(key, undefined)
      throw error
    }
    await idempotency.finish(key, answer)
    return answer
  }
}

function parseBody({ headers, body, method }: RestRequest): unknown {
  if (body.length === 0) return undefined
  if (method === 'GET' || method === 'HEAD') throw invalid('body', 'is not taken with GET')
  const type = (textOf(headers['content-type']) ?? JSON_TYPE).split(';')[0]?.trim().toLowerCase() ?? ''
  if (type !== JSON_TYPE && !type.endsWith('+json')) throw invalid('Content-Type', `is not ${JSON_TYPE}`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw invalid('body', 'is not JSON in UTF-8')
  }
}

/** The next page of a list (RFC 8288). */
function linkOf({ path, query }: RestRequest, value: SchemaValue): Record<string, string> {
  const { total, ...lists } = value as { total?: unknown }
  const rows = Object.values(lists).find(Array.isArray)?.length
  if (typeof total !== 'number' || !rows) return {}
  const next = Number(query.get('start') ?? 0) + rows
  if (next >= total) return {}
  const search = new URLSearchParams(query)
  search.set('start', `${next}`)
  search.set('count', query.get('count') ?? `${rows}`)
  return { Link: `</api/v1${path}?${search}>; rel="next"` }
}

export function refuse(one: Problem): RestAnswer {
  const challenge = one.status === 401 && { 'WWW-Authenticate': 'Basic realm="thor-node", charset="UTF-8", Bearer' }
  const retry = (one.status === 429 || one.status === 503) && { 'Retry-After': one.status === 429 ? '60' : '2' }
  const headers = { 'Content-Type': 'application/problem+json', ...challenge, ...retry }
  return { status: one.status, headers, body: JSON.stringify(one) }
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header
const bare = (tag: string): string => tag.trim().replace(/^W\//, '').replace(/^"|"$/g, '')
