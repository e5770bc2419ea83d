import { faults, type ProvisionCode } from '../errors.ts'
import { operations } from '../operations/index.ts'
import { type Operation, ports } from '../schema/operation.ts'
import {
  arrays,
  isArray,
  isStruct,
  membersOf,
  type ScalarName,
  type StructName,
  structs,
  type TypeName,
} from '../schema/types.ts'
import { type Parameter, type Shape, shapeOf } from './parameters.ts'

type Json = Record<string, unknown>

const scalars: Record<ScalarName, Json> = {
  string: { type: 'string' },
  int: { type: 'integer', format: 'int64' },
  boolean: { type: 'boolean' },
  float: { type: 'number' },
}

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

function schemaOf(type: TypeName): Json {
  if (isStruct(type)) return ref(type)
  return isArray(type) ? { type: 'array', items: schemaOf(arrays[type]) } : scalars[type]
}

function structSchema(name: StructName): Json {
  const members = membersOf(name)
  const properties = members.map(({ name: member, type, doc, read, values }): [string, Json] => [
    member,
    {
      ...schemaOf(type),
      ...(doc !== undefined && { description: doc }),
      ...(read && { readOnly: true }),
      ...(values && { enum: ['', ...values] }),
    },
  ])
  return { type: 'object', properties: Object.fromEntries(properties) }
}

function parameterOf({ name, in: where, type, doc, values }: Parameter): Json {
  const word = type === 'SipId' || type === 'OrderBy' || isArray(type) ? scalars.string : schemaOf(type)
  return {
    name,
    in: where,
    ...(where === 'path' && { required: true }),
    ...(doc !== undefined && { description: doc }),
    schema: { ...word, ...(values && { enum: values }) },
  }
}

function bodyOf(operation: Operation, { body }: Shape): Json | undefined {
  if (body.kind === 'none') return undefined
  const schema =
    body.kind === 'whole'
      ? schemaOf(operation.input[body.argument] as TypeName)
      : {
          type: 'object',
          properties: Object.fromEntries(
            body.arguments.map((name) => [name, schemaOf(operation.input[name] as TypeName)]),
          ),
        }
  return { required: true, content: { 'application/json': { schema } } }
}

/** Every operation may be refused with these. */
const general: readonly ProvisionCode[] = [
  'PROVISION_INVALID_TYPE',
  'PROVISION_INVALID_VALUE',
  'PROVISION_MISSING_VALUE',
  'PROVISION_UNAUTHENTICATED',
  'PROVISION_FORBIDDEN',
]

function responsesOf(operation: Operation): Json {
  const { output, changes, name, rest } = operation
  const status = output === undefined ? 204 : changes && rest.method === 'POST' && name.startsWith('add') ? 201 : 200
  const content = output && { content: { 'application/json': { schema: schemaOf(output) } } }
  const responses: Json = { [status]: { description: output ? 'The result' : 'Done', ...content } }
  const byStatus = new Map<number, ProvisionCode[]>()
  for (const code of [...general, ...operation.faults]) {
    const { status: refusal } = faults[code]
    byStatus.set(refusal, [...(byStatus.get(refusal) ?? []), code])
  }
  for (const [refusal, codes] of byStatus) {
    responses[refusal] = {
      description: codes.map((code) => `${faults[code].text} (${code})`).join('; '),
      content: { 'application/problem+json': { schema: ref('Problem') } },
    }
  }
  return responses
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'the request is done once, however often it comes',
  schema: { type: 'string', minLength: 8, maxLength: 255 },
}

const ifMatch: Json = {
  name: 'If-Match',
  in: 'header',
  description: 'an ETag: changed only when it still is what was read',
  schema: { type: 'string' },
}

function operationOf(operation: Operation): Json {
  const shape = shapeOf(operation)
  const { port, name, doc, who, changes, guarded } = operation
  const body = bodyOf(operation, shape)
  return {
    operationId: `${port}.${name}`,
    tags: [port],
    summary: doc,
    parameters: [
      ...shape.parameters.map(parameterOf),
      ...(changes ? [idempotencyKey] : []),
      ...(guarded ? [ifMatch] : []),
    ],
    ...(body && { requestBody: body }),
    responses: responsesOf(operation),
    ...(who === 'anyone' && { security: [] }),
    'x-who': who,
  }
}

/** OpenAPI 3.1 of all operations, at this base address. */
export function openApi(url: string): Json {
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    const { method, path } = operation.rest
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(operation) }
  }
  const schemas = (Object.keys(structs) as StructName[])
    .filter((name) => name !== 'Auth')
    .map((name): [string, Json] => [name, structSchema(name)])
  return {
    openapi: '3.1.0',
    info: {
      title: 'thor-node provisioning',
      version: '1',
      description: 'The operations of NGNPro over HTTP with JSON. Errors are problem details (RFC 9457).',
    },
    servers: [{ url }],
    security: [{ token: [] }, { password: [] }],
    tags: ports.map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'thor-node token add' },
        password: { type: 'http', scheme: 'basic', description: 'an administrator, a customer, or user@domain' },
      },
      schemas: { ...Object.fromEntries(schemas), Problem: problemSchema },
    },
  }
}

const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: scalars.string,
    status: scalars.int,
    detail: scalars.string,
    code: { ...scalars.string, description: 'error code of the platform' },
    number: { ...scalars.int, description: 'errorcode of NGNPro' },
  },
}
