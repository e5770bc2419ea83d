import { spawn, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { ThorError } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { operations } from '../../src/index.ts'
import { startServer } from '../support/soap-server.ts'

const test = suite('provision: zeep')
const PYTHON = '/usr/bin/python3'
const hasZeep = spawnSync(PYTHON, ['-c', 'import zeep']).status === 0
if (!hasZeep) console.log('SKIP provision zeep test: /usr/bin/python3 has no zeep (Debian package python3-zeep)')

function run(program: string, args: string[]): Promise<{ status: number | null; output: string; errors: string }> {
  return new Promise((done, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('error', reject)
    child.on('close', (status) => done({ status, output, errors }))
  })
}

;(hasZeep ? test : test.skip)(
  'a client made from the WSDL reads and writes domains, accounts, aliases, groups',
  deadline(50_000, async () => {
    const { server, url } = await startServer('127.6.0.1')
    try {
      const { status, output, errors } = await run(PYTHON, [resolve(import.meta.dirname, 'zeep-client.py'), url])
      assert.is(status, 0, errors)
      const got = JSON.parse(output)
      const expected: Record<string, unknown> = {
        addDomain: null,
        'addDomain again': { fault: 'SIP domain already exists', code: 1001 },
        updateDomain: null,
        'addAccount again': { fault: 'SIP account already exists', code: 1011 },
        'addAccount wrong': { fault: 'Invalid value', code: 101 },
        'getAccount unknown': { fault: 'SIP account not found', code: 1010 },
        'addAlias again': { fault: 'SIP alias already exists', code: 1021 },
        updateAlias: null,
        deleteAlias: null,
        'deleteAlias again': { fault: 'SIP alias not found', code: 1020 },
        addToGroup: null,
        'addToGroup again': { fault: 'SIP account already in group', code: 1030 },
        getGroups: ['sms', 'prepaid'],
        removeFromGroup: null,
        'removeFromGroup again': { fault: 'SIP account not in group', code: 1031 },
        'deleteDomain in use': { fault: 'SIP domain is in use', code: 1002 },
        deleteAccount: null,
        'deleteAccount bob': null,
        deleteDomain: null,
        'wrong password': { fault: 'Authentication failed', code: 901 },
        'no auth': { fault: 'Authentication failed', code: 901 },
        'getAccounts none': { accounts: [], total: 0 },
      }
      for (const [label, value] of Object.entries(expected)) assert.equal(got[label], value, label)
      assert.is(got.getDomains.total, 1)
      assert.is(got.getDomains.domains[0].match_ip_address, '192.0.2.1')
      assert.is(got.getDomains.domains[0].customer, 7)
      assert.is(got.addAccount.id.username, 'alice')
      assert.is(got.addAccount.firstName, 'Ålice & co')
      assert.is(got.addAccount.reseller, 3)
      assert.is(got.addAccount.prepaid, true)
      assert.equal(got.addAccount.properties, [{ name: 'language', value: 'en' }])
      assert.equal(got.addAccount.acl, [{ ip: '10.0.0.0', mask: 8, tag: null }])
      assert.is(got.getAccount.quota, 12)
      assert.equal(got.getAccount.groups, ['sms'])
      assert.match(got.getAccount.ha1, /^[0-9a-f]{32}$/)
      assert.is(got.getAccount.password, null)
      assert.is(got.getAccounts.total, 2)
      assert.is(got.getAccounts.accounts.length, 1)
      assert.is(got.getAccounts.accounts[0].id.username, 'bob')
      assert.is(got['getAccounts by group'].accounts[0].id.username, 'alice')
      assert.is(got.addAlias.owner, 4)
      assert.is(got.getAlias.target.username, 'bob')
      assert.is(got.getAliases.aliases[0].id.username, 'sales')
      assert.equal(
        got.getSipDeviceLocations.map((entry: { locations: unknown[] }) => entry.locations.length),
        [0, 1],
      )
      assert.is(got.getSipDeviceLocations[1].locations[0].expires, 600)
      assert.is(got.getCalls.placed[0].duration, 61)
      assert.equal(got.getCalls.placed[0].enumId, { number: '31208005100', tld: 'e164.arpa' })
      assert.equal(got.getCalls.received, [])
    } finally {
      await server.stop()
    }
  }),
)

;(hasZeep ? test : test.skip)(
  'every operation of every port is called, and answers what was written',
  deadline(120_000, async () => {
    const { server, url } = await startServer('127.6.0.1')
    try {
      const { wrong, missed, operations: known, calls } = await callAll(url)
      assert.equal(wrong, [])
      assert.equal(missed, [])
      assert.is(known, operations.length)
      assert.ok(calls > known)
    } finally {
      await server.stop()
    }
  }),
)

;(hasZeep ? test : test.skip)(
  'and that would be told of an answer that is another, and of an operation that only refuses',
  deadline(120_000, async () => {
    const { server, url, provisioning } = await startServer('127.6.0.1')
    const { dispatcher } = provisioning
    const really = dispatcher.run.bind(dispatcher)
    dispatcher.run = async (operation, ...rest) => {
      if (operation.name === 'setAnnouncement') throw new ThorError('PROVISION_BUSY', 'as always')
      const answer = await really(operation, ...rest)
      return operation.name === 'getBarringPrefixes' ? { ...answer, value: ['+9'] } : answer
    }
    try {
      const { wrong, missed } = await callAll(url)
      assert.equal(missed, ['Voicemail.setAnnouncement'])
      assert.equal(
        wrong.map(([, name]) => name),
        ['getBarringPrefixes', 'Voicemail.setAnnouncement'],
      )
    } finally {
      await server.stop()
    }
  }),
)

interface AllCalled {
  wrong: [step: number, name: string, ...rest: unknown[]][]
  missed: string[]
  operations: number
  calls: number
}

async function callAll(url: string): Promise<AllCalled> {
  const { status, output, errors } = await run(PYTHON, [resolve(import.meta.dirname, 'zeep-all.py'), 'secret', url])
  assert.is(status, 0, errors)
  return JSON.parse(output)
}

test.run()
