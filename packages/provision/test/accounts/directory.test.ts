import { createHash } from 'node:crypto'
import { errorCode, Sealer, silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccountDirectory, type AccountInput, AUTOINCREMENT } from '../../src/index.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: directory')

function make() {
  const store = memoryStore()
  const clock = new SimClock()
  const random = new SimRandom(1)
  const sealer = new Sealer(Buffer.alloc(32, 7), random)
  const directory = new AccountDirectory({ store, sealer, clock, random, logger: silentLogger })
  return { store, clock, directory }
}

async function made(...users: string[]) {
  const all = make()
  await all.directory.addDomain({ domain: 'example.com', customer: 5, reseller: 2 })
  for (const username of users) await all.directory.addAccount(account(username))
  return all
}

const account = (username: string, more: Partial<AccountInput> = {}): AccountInput => ({
  username,
  domain: 'example.com',
  password: 'secret',
  ...more,
})

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error) => errorCode(error),
  )
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

test(
  'an account is kept without its password, with digests of both kinds and both username forms',
  deadline(5_000, async () => {
    const { directory, store, clock } = make()
    await directory.addDomain({ domain: 'Example.COM' })
    const record = await directory.addAccount(account('alice', { domain: 'EXAMPLE.com', password: 'pa$$word 1' }))
    assert.is(record.aor, 'alice@example.com')
    assert.is(record.timeout, 35)
    assert.is(record.createdAt, clock.wall())
    const stored = store.reg.values.get('acct/alice@example.com')
    assert.is(stored?.bytes.includes('pa$$word 1'), false)
    assert.is(stored?.bytes.includes(md5('alice:example.com:pa$$word 1')), false)
    const credentials = directory.credentials((await directory.getAccount('alice@example.com')).body)
    assert.is(credentials.ha1Md5, md5('alice:example.com:pa$$word 1'))
    assert.is(credentials.ha1bMd5, md5('alice@example.com:example.com:pa$$word 1'))
    assert.is(credentials.ha1Sha256?.length, 64)
    assert.is.not(credentials.ha1Sha256, credentials.ha1bSha256)
  }),
)

test(
  'a pair of digests is taken as such, and then there is no SHA-256',
  deadline(5_000, async () => {
    const { directory } = await made()
    const [a, b] = [md5('a'), md5('b')]
    const record = await directory.addAccount(account('bob', { password: `${a.toUpperCase()}:${b}` }))
    assert.equal(directory.credentials(record), { ha1Md5: a, ha1bMd5: b })
  }),
)

test(
  'an update changes what it names and nothing else; an empty password leaves the credentials',
  deadline(5_000, async () => {
    const { directory, clock } = await made()
    await directory.addAccount(
      account('alice', { firstName: 'Alice', email: 'a@example.com', groups: ['a', 'b', 'a'] }),
    )
    const before = (await directory.getAccount('alice@example.com')).body
    await clock.advance(1_000)
    const after = await directory.updateAccount({
      username: 'alice',
      domain: 'example.com',
      password: '',
      email: '',
      groups: ['c'],
    })
    assert.equal(after, { ...before, email: '', groups: ['c'], changedAt: before.changedAt + 1_000 })
    await directory.updateAccount(account('alice', { password: 'other' }))
    const record = (await directory.getAccount('alice@example.com')).body
    assert.is(directory.credentials(record).ha1Md5, md5('alice:example.com:other'))
  }),
)

const wrong: [field: string, input: Partial<AccountInput>][] = [
  ['username', { username: 'a b' }],
  ['username', { username: 'x'.repeat(65) }],
  ['username', { username: '<b>' }],
  ['domain', { domain: 'exa mple.com' }],
  ['domain', { domain: '-a.com' }],
  ['domain', { domain: `${'a.'.repeat(130)}com` }],
  ['password', { password: 'a\u0000b' }],
  ['password', { password: 'x'.repeat(129) }],
  ['firstName', { firstName: 'x'.repeat(257) }],
  ['email', { email: 'nobody' }],
  ['timezone', { timezone: 'Mars/Olympus' }],
  ['owner', { owner: -1 }],
  ['rpid', { rpid: '+31 20' }],
  ['timeout', { timeout: 901 }],
  ['quota', { quota: 1.5 }],
  ['callLimit', { callLimit: 1_001 }],
  ['groups', { groups: ['free pstn'] }],
  ['groups', { groups: Array.from({ length: 65 }, (_, index) => `g${index}`) }],
  [
    'acl[1].mask',
    {
      acl: [
        { ip: '10.0.0.0', mask: 8 },
        { ip: '10.0.0.1', mask: 33 },
      ],
    },
  ],
  ['acl[0].ip', { acl: [{ ip: '10.0.0.256', mask: 8 }] }],
  ['properties[0].value', { properties: [{ name: 'language', value: 'x'.repeat(1_025) }] }],
]

for (const [field, input] of wrong) {
  test(
    `a wrong ${field} is refused by name: ${JSON.stringify(input).slice(0, 60)}`,
    deadline(5_000, async () => {
      const { directory, store } = await made()
      const error = await directory.addAccount({ ...account('alice'), ...input }).catch((cause) => cause)
      assert.is(errorCode(error), 'PROVISION_INVALID_VALUE')
      assert.is(error.message.startsWith(`${field}: `), true, error.message)
      assert.is(
        [...store.reg.values.keys()].some((name) => name.startsWith('acct/')),
        false,
      )
    }),
  )
}

test(
  'IPv6 networks are taken in an access list',
  deadline(5_000, async () => {
    const { directory } = await made()
    const { acl } = await directory.addAccount(account('alice', { acl: [{ ip: '2001:DB8::', mask: 32, tag: 'lab' }] }))
    assert.equal(acl, [{ ip: '2001:db8::', mask: 32, tag: 'lab' }])
  }),
)

test(
  'refusals have codes of their own',
  deadline(5_000, async () => {
    const { directory } = await made('alice', 'bob')
    const alias = { aor: 'al@example.com', target: 'alice@example.com' }
    await directory.addAlias(alias)
    const cases: [string | undefined, Promise<unknown>][] = [
      ['PROVISION_DOMAIN_EXISTS', directory.addDomain({ domain: 'EXAMPLE.com' })],
      ['PROVISION_DOMAIN_UNKNOWN', directory.updateDomain({ domain: 'other.org' })],
      ['PROVISION_DOMAIN_UNKNOWN', directory.deleteDomain('other.org')],
      ['PROVISION_DOMAIN_IN_USE', directory.deleteDomain('example.com')],
      ['PROVISION_DOMAIN_UNKNOWN', directory.addAccount(account('x', { domain: 'other.org' }))],
      ['PROVISION_MISSING_VALUE', directory.addAccount(account('x', { password: undefined }))],
      ['PROVISION_ACCOUNT_EXISTS', directory.addAccount(account('alice'))],
      ['PROVISION_ACCOUNT_EXISTS', directory.addAccount(account('al'))],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.updateAccount(account('carol'))],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.updateAccount(account('al'))],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.deleteAccount('carol@example.com')],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.deleteAccount('al@example.com')],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.groups('carol@example.com')],
      ['PROVISION_ALIAS_EXISTS', directory.addAlias(alias)],
      ['PROVISION_ALIAS_EXISTS', directory.addAlias({ ...alias, aor: 'bob@example.com' })],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.addAlias({ aor: 'c@example.com', target: 'carol@example.com' })],
      ['PROVISION_ACCOUNT_UNKNOWN', directory.addAlias({ aor: 'c@example.com', target: 'al@example.com' })],
      ['PROVISION_DOMAIN_UNKNOWN', directory.addAlias({ aor: 'c@other.org', target: 'alice@example.com' })],
      ['PROVISION_ALIAS_UNKNOWN', directory.deleteAlias('alice@example.com')],
      ['PROVISION_ALIAS_UNKNOWN', directory.updateAlias({ ...alias, aor: 'x@example.com' })],
    ]
    for (const [index, [code, promise]] of cases.entries()) assert.is(await codeOf(promise), code, `case ${index}`)
    assert.equal((await directory.getAccount('alice@example.com')).body.aliases, ['al@example.com'])
  }),
)

test(
  'aliases and their accounts stay in step',
  deadline(5_000, async () => {
    const { directory, store } = await made('alice', 'bob')
    const aliasesOf = async (aor: string) => (await directory.getAccount(aor)).body.aliases
    const alias = await directory.addAlias({ aor: 'sales@example.com', target: 'alice@example.com' })
    await directory.addAlias({ aor: '1000@example.com', target: 'alice@example.com' })
    assert.is(alias.target, 'alice@example.com')
    assert.equal(await aliasesOf('alice@example.com'), ['sales@example.com', '1000@example.com'])
    await directory.updateAlias({ aor: 'sales@example.com', target: 'bob@example.com', owner: 9 })
    assert.is((await directory.getAlias('sales@example.com')).body.owner, 9)
    assert.equal(await aliasesOf('alice@example.com'), ['1000@example.com'])
    assert.equal(await aliasesOf('bob@example.com'), ['sales@example.com'])
    await directory.deleteAlias('sales@example.com')
    assert.equal(await aliasesOf('bob@example.com'), [])
    await directory.deleteAccount('alice@example.com')
    assert.equal([...store.reg.values.keys()], ['domain/example.com', 'acct/bob@example.com'])
  }),
)

test(
  'an alias that appears while its account is being deleted goes with it',
  deadline(5_000, async () => {
    for (const at of [1, 2, 3, 4, 5]) {
      const { directory, store } = await made('alice')
      await directory.addAlias({ aor: 'one@example.com', target: 'alice@example.com' })
      let operation = 0
      let deleted: Promise<unknown> = Promise.resolve()
      store.reg.before = async () => {
        operation += 1
        if (operation !== at) return
        store.reg.before = () => undefined
        deleted = directory.deleteAccount('alice@example.com')
        await deleted
      }
      const outcome = await codeOf(directory.addAlias({ aor: 'two@example.com', target: 'alice@example.com' }))
      await deleted
      assert.equal([...store.reg.values.keys()], ['domain/example.com'], `deleted at operation ${at}: ${outcome}`)
    }
  }),
)

test(
  'a domain deleted while an account is added leaves either both or none',
  deadline(5_000, async () => {
    for (const at of [1, 2, 3, 4]) {
      const { directory, store } = await made()
      let operation = 0
      let refused: string | undefined
      store.reg.before = async () => {
        operation += 1
        if (operation !== at) return
        store.reg.before = () => undefined
        refused = await codeOf(directory.deleteDomain('example.com'))
      }
      const outcome = await codeOf(directory.addAccount(account('alice')))
      const names = [...store.reg.values.keys()]
      if (outcome === undefined) assert.ok(names.includes('domain/example.com'), `at ${at}, ${refused}`)
      else assert.equal(names, [], `at ${at}: ${outcome}`)
    }
    const { directory, store } = await made()
    let lists = 0
    store.reg.before = async (operation) => {
      if (operation !== 'change' || lists++ > 0) return
      await directory.addAccount(account('alice'))
    }
    assert.is(await codeOf(directory.deleteDomain('example.com')), 'PROVISION_DOMAIN_IN_USE')
    assert.ok(await directory.findDomain('example.com'))
  }),
)

test(
  'whose domain it is, is known from a copy where it has no quorum; nothing is added to it then',
  deadline(5_000, async () => {
    const { directory, store } = await made()
    let asked = 0
    store.reg.before = (operation) => {
      if (operation === 'read' && asked++ === 0) throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is((await directory.knownDomain('example.com'))?.body.customer, 5)
    assert.is(asked, 2)
    asked = 0
    assert.is(await codeOf(directory.addAccount(account('alice'))), 'STORE_UNAVAILABLE')
    store.reg.before = () => {
      throw new ThorError('STORE_OVERLOADED', 'no')
    }
    assert.is(await codeOf(directory.knownDomain('example.com')), 'STORE_OVERLOADED')
  }),
)

test(
  'an etag protects against changes by others',
  deadline(5_000, async () => {
    const { directory } = await made('alice')
    const { etag } = await directory.getAccount('alice@example.com')
    await directory.updateAccount({ username: 'alice', domain: 'example.com', quota: 5 }, { etag })
    const update = { username: 'alice', domain: 'example.com', quota: 6 }
    assert.is(await codeOf(directory.updateAccount(update, { etag })), 'PROVISION_CONFLICT')
    assert.is(await codeOf(directory.deleteAccount('alice@example.com', { etag })), 'PROVISION_CONFLICT')
    const domain = await directory.getDomain('example.com')
    await directory.updateDomain({ domain: 'example.com', customer: 6 }, { etag: domain.etag })
    assert.is(
      await codeOf(directory.updateDomain({ domain: 'example.com', customer: 7 }, { etag: domain.etag })),
      'PROVISION_CONFLICT',
    )
    const { body } = await directory.getDomain('example.com')
    assert.is(body.customer, 6)
    assert.is(body.reseller, 2)
  }),
)

test(
  'groups are added and removed one by one',
  deadline(5_000, async () => {
    const { directory } = await made('alice')
    await directory.addToGroup('alice@example.com', 'free-pstn')
    assert.is(await codeOf(directory.addToGroup('alice@example.com', 'free-pstn')), 'PROVISION_GROUP_MEMBER')
    assert.equal(await directory.groups('alice@example.com'), ['free-pstn'])
    await directory.removeFromGroup('alice@example.com', 'free-pstn')
    assert.is(await codeOf(directory.removeFromGroup('alice@example.com', 'free-pstn')), 'PROVISION_GROUP_NOT_MEMBER')
    assert.is(await codeOf(directory.addToGroup('alice@example.com', '')), 'PROVISION_MISSING_VALUE')
  }),
)

test(
  'autoincrement goes on after the highest number and skips what is taken',
  deadline(5_000, async () => {
    const { directory } = await made('2005', 'alice', '007')
    const next = async () => (await directory.addAccount(account(AUTOINCREMENT))).aor
    assert.is(await next(), '2006@example.com')
    await directory.addAccount(account('2007'))
    assert.is(await next(), '2008@example.com')
    const parallel = await Promise.all([next(), next(), next()])
    assert.equal(parallel.toSorted(), ['2009@example.com', '2010@example.com', '2011@example.com'])
    await directory.addDomain({ domain: 'new.org' })
    assert.is((await directory.addAccount(account(AUTOINCREMENT, { domain: 'new.org' }))).aor, '1001@new.org')
  }),
)

test(
  'autoincrement gives up after a hundred names that are taken',
  deadline(5_000, async () => {
    const { directory } = await made('1')
    await directory.addAccount(account(AUTOINCREMENT))
    for (let number = 1_002; number <= 1_101; number++) await directory.addAccount(account(String(number)))
    assert.is(await codeOf(directory.addAccount(account(AUTOINCREMENT))), 'PROVISION_NAMES_EXHAUSTED')
    assert.is((await directory.addAccount(account(AUTOINCREMENT))).aor, '1102@example.com')
  }),
)

test(
  'a change whose answer was lost is repeated and done once',
  deadline(5_000, async () => {
    const { directory, store } = await made('alice')
    let lost = 0
    store.reg.after = () => {
      lost += 1
      if (lost <= 2) throw new ThorError('STORE_UNKNOWN', 'no answer')
    }
    await directory.addToGroup('alice@example.com', 'prepaid')
    assert.is(lost, 3)
    store.reg.after = () => {
      throw new ThorError('STORE_UNKNOWN', 'no answer')
    }
    assert.is(await codeOf(directory.addToGroup('alice@example.com', 'quota')), 'STORE_UNKNOWN')
  }),
)

test(
  'the private key of a domain is sealed at rest',
  deadline(5_000, async () => {
    const { directory, store } = make()
    const privateKey = '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n'
    await directory.addDomain({ domain: 'example.com', privateKey })
    assert.is(store.reg.values.get('domain/example.com')?.bytes.includes('PRIVATE KEY'), false)
    assert.is(directory.privateKey((await directory.getDomain('example.com')).body), privateKey)
    assert.is(await codeOf(directory.addDomain({ domain: 'b.org', certificate: 'x' })), 'PROVISION_INVALID_VALUE')
  }),
)

test(
  'what others keep for an account is cleared before its deletion is answered; when that fails, it is deleted all the same',
  deadline(2_000, async () => {
    const { store, clock } = make()
    const random = new SimRandom(2)
    const cleared: string[] = []
    const directory = new AccountDirectory(
      { store, sealer: new Sealer(Buffer.alloc(32, 7), random), clock, random, logger: silentLogger },
      {
        async onAccountDeleted(aor) {
          cleared.push(aor)
          if (aor.startsWith('bob')) throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
        },
      },
    )
    await directory.addDomain({ domain: 'example.com' })
    for (const username of ['alice', 'bob']) await directory.addAccount(account(username))
    await directory.deleteAccount('alice@example.com')
    assert.equal(cleared, ['alice@example.com'])
    await directory.deleteAccount('bob@example.com')
    assert.equal(await directory.accounts(), [])
    assert.is(await codeOf(directory.deleteAccount('alice@example.com')), 'PROVISION_ACCOUNT_UNKNOWN')
    assert.equal(cleared, ['alice@example.com', 'bob@example.com'])
  }),
)

test.run()
