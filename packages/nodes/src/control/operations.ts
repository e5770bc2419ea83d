/**
 * The table of operations that the socket carries, with the shape that each one's query must have. The names are those of
 * NodeOperations.
 */
import { isIP } from 'node:net'
import { RANGE_COUNT } from '@thor-node/core'
import { parsePrefix, parseUri } from '@thor-node/sip'
import { z } from 'zod'
import { ISSUER_ROLE, ROLES } from '../roles.ts'
import type { NodeOperations } from './contract.ts'
import { dnsQueries } from './dns-queries.ts'

/** What is no address is told by who takes it apart. */
const aor = z.string().max(255)
const peerName = z.string().regex(/^[\w.-]{1,64}$/, 'is not 1 to 64 letters, digits, dots, hyphens')
/** It travels in the Record-Route of its calls. */
const trunkName = z.string().regex(/^[\w.-]{1,32}$/, 'is not 1 to 32 letters, digits, dots, hyphens')
const blocked = z
  .string()
  .min(3)
  .max(255)
  .refine((name) => name.includes('@') || isIP(name.replace(/\/64$/, '')) !== 0, 'is no IP address and no account')
const rangeId = z
  .int()
  .min(0)
  .max(RANGE_COUNT - 1)
const limit = z.int().min(1).max(100_000).optional()

const row = z.record(z.string(), z.unknown())
const adminUser = z.string().min(1).max(64)

export const queries = {
  status: z.strictObject({}),
  accountAdd: z.strictObject({
    aor,
    password: z.string().min(1, 'must not be empty').max(255, 'is longer than 255 characters').optional(),
    displayName: z.string().max(255).optional(),
    email: z.string().max(255).optional(),
    groups: z.array(z.string().min(1).max(64)).max(64).optional(),
  }),
  accountList: z.strictObject({ domain: z.string().max(255).optional(), limit }),
  accountShow: z.strictObject({ aor }),
  accountRemove: z.strictObject({ aor }),
  domainList: z.strictObject({}),
  calls: z.strictObject({ account: aor.optional(), limit, current: z.boolean().optional() }),
  where: z.strictObject({ aor }),
  invite: z.strictObject({
    ttlSeconds: z.number().positive().max(86_400, 'is longer than a day').optional(),
    roles: z
      .array(z.enum([...ROLES, ISSUER_ROLE]))
      .max(10)
      .optional(),
    zone: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'is not a host label')
      .optional(),
  }),
  members: z.strictObject({}),
  revoke: z.strictObject({ node: z.string().min(1).max(255), force: z.boolean().optional() }),
  issuerRequest: z.strictObject({}),
  issuerInstall: z.strictObject({ certificate: z.string().min(1).max(10_000) }),
  adminPassword: z.strictObject({ reset: z.boolean().optional() }),
  apiCall: z.strictObject({ operation: z.string().min(1).max(100), args: row }),
  adminAdd: z.strictObject({
    user: adminUser,
    password: z.string().min(8, 'is shorter than 8 characters').max(128).optional(),
  }),
  adminList: z.strictObject({}),
  adminRemove: z.strictObject({ user: adminUser }),
  tokenAdd: z.strictObject({
    name: z.string().min(1).max(64),
    scopes: z.array(z.string().min(1).max(64)).min(1).max(20),
    customer: z.int().min(1).optional(),
    ttlSeconds: z
      .number()
      .positive()
      .max(100 * 365 * 86_400)
      .optional(),
  }),
  tokenList: z.strictObject({}),
  tokenRemove: z.strictObject({ id: z.string().min(1).max(64) }),
  auditRead: z.strictObject({
    limit: z.int().min(1).max(10_000).optional(),
    about: z.string().min(1).max(255).optional(),
  }),
  accountsImport: z.strictObject({ rows: z.array(row).max(1_000) }),
  accountsExport: z.strictObject({
    start: z.int().min(0),
    count: z.int().min(1).max(10_000),
    digests: z.boolean().optional(),
  }),
  leave: z.strictObject({}),
  certificates: z.strictObject({ reload: z.boolean().optional() }),
  ringShow: z.strictObject({}),
  ringRange: z.strictObject({ range: rangeId.optional(), name: z.string().min(1).max(512).optional() }),
  ringVerify: z.strictObject({ from: rangeId, count: z.int().min(1).max(256), repair: z.boolean().optional() }),
  peerList: z.strictObject({}),
  peerAdd: z
    .strictObject({
      name: peerName,
      prefixes: z
        .array(z.string().refine((text) => parsePrefix(text) !== undefined, 'is no address and no prefix'))
        .max(64),
      tlsNames: z.array(z.string().min(1).max(255)).max(64),
      callsMax: z.int().min(0).max(1_000_000),
      callsPerSecond: z.int().min(0).max(100_000),
      relay: z.boolean(),
      domain: z.string().min(1).max(253).optional(),
      account: aor.optional(),
    })
    .refine(({ prefixes, tlsNames }) => prefixes.length + tlsNames.length > 0, 'says neither --from nor --tls'),
  peerRemove: z.strictObject({ name: peerName }),
  trunkList: z.strictObject({}),
  trunkShow: z.strictObject({ name: trunkName }),
  trunkAdd: z
    .strictObject({
      name: trunkName,
      target: z
        .string()
        .max(255)
        .refine(isTarget, 'is no SIP address that can be reached: sip:host:port;transport=tcp'),
      domain: z.string().min(1).max(253).optional(),
      user: z.string().min(1).max(128).optional(),
      password: z.string().min(1).max(255).optional(),
      register: z.boolean(),
      expiresSeconds: z.int().min(60).max(86_400),
      prefixes: z.array(z.string().regex(/^\+?\d{0,15}$/, 'is no prefix such as +31, 00 or any')).max(256),
      callsMax: z.int().min(0).max(1_000_000),
      from: z.enum(['trunk', 'caller']),
      probeSeconds: z.int().min(0).max(3_600),
      failures: z.int().min(1).max(100),
      successes: z.int().min(1).max(100),
      peer: peerName.optional(),
    })
    .refine(({ register, user }) => !register || user !== undefined, '--register needs --user')
    .refine(({ user, password }) => user !== undefined || password === undefined, '--password needs --user'),
  trunkRemove: z.strictObject({ name: trunkName }),
  ...dnsQueries,
  guardList: z.strictObject({}),
  guardUnblock: z.strictObject({ name: blocked }),
  guardBlock: z.strictObject({ name: blocked }),
  drain: z.strictObject({ start: z.boolean().optional(), undo: z.boolean().optional() }),
  recover: z.strictObject({
    range: z.union([rangeId, z.literal('all-lost')]),
    accept: z.boolean(),
    by: z.string().min(1).max(200),
  }),
} satisfies Record<keyof NodeOperations, z.ZodType>

export type OperationName = keyof typeof queries

export const isOperation = (name: string): name is OperationName => Object.hasOwn(queries, name)

/** What an answer that is no result looks like, with an HTTP status that is not 200. */
export interface ControlFailure {
  error: { code: string; message: string }
}

/** A host, with or without a port and a transport that is spoken here; nobody and nothing else in it. */
function isTarget(text: string): boolean {
  try {
    const { scheme, user, host, headers, params } = parseUri(text)
    const plain = user === undefined && headers === undefined && host !== '' && /^sips?$/.test(scheme)
    return plain && [...params].every(([name, value]) => name === 'transport' && /^(udp|tcp|tls)$/.test(value))
  } catch {
    return false
  }
}
