/** Shapes of the queries about zones and numbers; what the values must be, their fields say (`DNS_INVALID_VALUE`). */
import { z } from 'zod'
import type { DnsContract } from './dns-contract.ts'

const name = z.string().min(1).max(255)
const tree = name
const number = z.string().min(1).max(128)
const id = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const seconds = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const digits = z.int().min(0).max(15)
const nameservers = z.array(name).max(16)
const value = z.string().min(1).max(4_096)
const priority = z.int().min(0).max(65_535)
const mapping = z.strictObject({ type: name, mapto: z.string().min(1).max(1_024), priority, ttl: seconds })
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((given) => given ?? undefined)
const row = z
  .tuple([number, name, z.string().min(1).max(1_024), optional(priority), optional(seconds), optional(id)])
  .or(z.tuple([number, name, z.string().min(1).max(1_024)]))

export const dnsQueries = {
  dnsList: z.strictObject({}),
  dnsAdd: z.strictObject({
    zone: name,
    email: name.optional(),
    nameservers: nameservers.optional(),
    ttl: seconds.optional(),
  }),
  dnsShow: z.strictObject({ zone: name }),
  dnsRemove: z.strictObject({ zone: name }),
  dnsSet: z.strictObject({
    zone: name,
    name: z.string().max(255),
    type: name,
    value,
    ttl: seconds.optional(),
    priority: priority.optional(),
  }),
  dnsUnset: z.strictObject({ id }),
  dnsImport: z.strictObject({ zone: name, text: z.string().max(1_000_000) }),
  dnsTemplate: z.strictObject({ zone: name }),
  dnsCheck: z.strictObject({ domain: name }),
  enumRanges: z.strictObject({}),
  enumRangeAdd: z.strictObject({
    tree,
    prefix: number,
    minDigits: digits.optional(),
    maxDigits: digits.optional(),
    ttl: seconds.optional(),
    nameservers: nameservers.optional(),
  }),
  enumRangeRemove: z.strictObject({ tree, prefix: number }),
  enumAdd: z.strictObject({ tree, number, mappings: z.array(mapping).min(1).max(16) }),
  enumShow: z.strictObject({ tree, number }),
  enumRemove: z.strictObject({ tree, number }),
  enumLookup: z.strictObject({ number }),
  enumLoad: z.strictObject({ tree, rows: z.array(row).max(10_000) }),
} satisfies Record<keyof DnsContract, z.ZodType>
