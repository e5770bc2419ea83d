import { operations } from '../../src/index.ts'
import { adminCaller, type Caller } from '../../src/schema/caller.ts'
import type { SchemaValue } from '../../src/schema/types.ts'
import { makeComponents } from './soap-server.ts'

type Made = Awaited<ReturnType<typeof makeComponents>>

/** Runs operations as a caller, without SOAP around them. */
export function asker({ provisioning }: Pick<Made, 'provisioning'>, caller: Caller = adminCaller('admin')) {
  return async (name: string, args: Record<string, unknown> = {}, etag?: string) => {
    const operation = operations.find((one) => `${one.port}.${one.name}` === name)
    if (!operation) throw new Error(`no operation ${name}`)
    const facts = { from: '192.0.2.1', via: 'soap', etag } as const
    const { value } = await provisioning.dispatcher.run(operation, caller, args as Record<string, SchemaValue>, facts)
    // As on the wire: what is undefined is not there.
    return JSON.parse(JSON.stringify(value ?? null))
  }
}

/** With a reseller (1) that has a customer (2), another reseller (3), and a domain of each. */
export async function withCustomers() {
  const made = await makeComponents()
  const ask = asker(made)
  await ask('Customer.addAccount', { account: { username: 'resell', password: 'pw' } })
  await ask('Customer.addAccount', { account: { username: 'cust', password: 'pw', reseller: 1 } })
  await ask('Customer.addAccount', { account: { username: 'other', password: 'pw' } })
  await ask('Sip.addDomain', { domain: { domain: 'one.example', customer: 1, reseller: 1 } })
  await ask('Sip.addDomain', { domain: { domain: 'two.example', customer: 2, reseller: 1 } })
  await ask('Sip.addDomain', { domain: { domain: 'three.example', customer: 3, reseller: 3 } })
  const login = async (username: string, password = 'pw', impersonate = 0) =>
    made.provisioning.logins.login({ username, password, admin: username === 'admin', impersonate }, '192.0.2.1')
  const as = async (username: string, password?: string, impersonate?: number) =>
    asker(made, await login(username, password, impersonate))
  return { ...made, ask, as, login }
}
