/**
 * svmap, svwar and svcrack of sipvicious against one of three nodes (SE-03, SIP-04): what they find out is nothing, and who runs
 * them is refused by all nodes well within a second of the limit. In compact form they do not say who they are.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { available, type Finished, run } from '../support/programs.ts'
import { RawSip } from '../support/raw-sip.ts'
import { statusOf } from '../support/sip-message.ts'

const net = '127.87.1'
/** They leave the choice to the system. */
const ATTACKER = '127.0.0.1'
const LIMIT = 10
/** Between two questions to one node. */
const ASK_MS = 50
/** So many fit into a second. */
const ASKED_MAX = 1_000 / ASK_MS

const installed = available('svwar', 'sipvicious')
const test = suite('interop: sipvicious')
const attack = installed ? test : test.skip

let cluster: Cluster
let work: string
let port = 5_070
const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

/** Each binds a port of its own; what it prints is the result. */
async function tool(name: 'svmap' | 'svwar' | 'svcrack', ...args: string[]): Promise<string> {
  const words = ['60', 'env', `HOME=${work}`, name, '-P', String(port++), ...args]
  const { stdout, stderr }: Finished = await run('timeout', words, { timeoutMs: 90_000 })
  return stdout + stderr
}

interface Asked {
  number: number
  at: number
  heard: boolean
}

/** Asks two nodes that are not attacked, all the time, as somebody whom they would challenge; and the third once it is over. */
async function whileAsking(work: () => Promise<string>): Promise<{ output: string; asked: Asked[] }> {
  const asked: Asked[] = []
  let over = false
  const asking = [2, 3].map(async (number) => {
    const raw = await new RawSip(ATTACKER).start()
    while (!over) {
      const at = Date.now()
      const request = { method: 'REGISTER', uri: 'sip:thor.local', from: 'carol@thor.local' }
      const answer = await raw.ask(node(number).address, request, 300)
      asked.push({ number, at, heard: answer !== undefined && statusOf(answer) === 401 })
      await new Promise((done) => setTimeout(done, ASK_MS))
    }
    await raw.stop()
  })
  const heardAt = (number: number): boolean => asked.some((one) => one.number === number && one.heard)
  await eventually(() => heardAt(2) && heardAt(3), 10_000, 'to be heard')
  const output = await work()
  // A block that was made with the last guess is on its way.
  await eventually(() => asked.filter(({ heard }) => !heard).length >= 4, 10_000, 'to be refused').catch(
    () => undefined,
  )
  over = true
  await Promise.all(asking)
  return { output, asked }
}

/** All refuse him: the others since when, counted from the guess that was one too many? */
async function assertRefused(name: string, asked: readonly Asked[]): Promise<void> {
  const blocks = await Promise.all(
    cluster.nodes.map(async ({ operations }) =>
      (await operations.guardList()).blocks.find((one) => one.name === ATTACKER),
    ),
  )
  for (const [index, block] of blocks.entries()) assert.ok(block, `node ${index + 1} does not know of it`)
  const since = blocks[0]?.since ?? 0
  for (const number of [2, 3]) {
    const own = asked.filter((one) => one.number === number)
    const first = own.findIndex(({ heard }) => !heard)
    assert.ok(own[0]?.heard, 'before it he was heard')
    assert.ok(first > 0, `node ${number} never refused him`)
    assert.ok(
      own.slice(first).every(({ heard }) => !heard),
      `node ${number} heard him again`,
    )
    const late = own.filter(({ at, heard }) => heard && at > since).length
    assert.ok(late <= ASKED_MAX, `node ${number} answered ${late} times after the limit`)
    const refusedAt = own[first]?.at ?? 0
    console.log(`${name}: node ${number} refuses ${refusedAt - since} ms after the limit, ${late} answers later`)
  }
}

/** Sources and accounts. */
async function forgive(): Promise<void> {
  await eventually(
    async () => {
      const lists = await Promise.all(cluster.nodes.map(({ operations }) => operations.guardList()))
      const names = new Set(lists.flatMap(({ blocks }) => blocks.map(({ name }) => name)))
      for (const name of names)
        await Promise.allSettled(cluster.nodes.map((one) => one.operations.guardUnblock({ name })))
      return names.size === 0
    },
    10_000,
    'nobody to be blocked',
  )
}

test.before(async () => {
  if (!installed) return
  work = mkdtempSync(join(tmpdir(), 'thor-sipvicious-'))
  cluster = await startCluster({ net, nodes: 3, options: ['--guard-failures', String(LIMIT)] })
  for (const user of ['alice', 'carol', '104']) {
    await node(1).operations.accountAdd({ aor: `${user}@thor.local`, password: 'rabbit' })
  }
  await cluster.settled()
})
test.after(async () => {
  await cluster?.stop()
  if (work) rmSync(work, { recursive: true, force: true })
})

const guesses = (count: number): string[] => Array.from({ length: count }, (_, i) => `guess${i}`)

attack(
  'svcrack finds a password among its first guesses, and none after the limit; then nobody answers it, the right word or not',
  deadline(120_000, async () => {
    const words = join(work, 'words')
    const crack = (): Promise<string> =>
      tool('svcrack', '-c', '--domain', 'thor.local', '-u', 'alice', '-d', words, node(1).address)
    writeFileSync(words, ['guess', 'rabbit', ...guesses(3)].join('\n'))
    assert.match(await crack(), /alice\s*\|\s*rabbit/, 'it works against these nodes')
    writeFileSync(words, [...guesses(20 * LIMIT), 'rabbit', ...guesses(20)].join('\n'))
    const { output, asked } = await whileAsking(crack)
    assert.doesNotMatch(output, /rabbit/)
    await assertRefused('svcrack', asked)
    await forgive()
  }),
)

for (const method of ['REGISTER', 'INVITE', 'OPTIONS']) {
  attack(
    `svwar with ${method} learns of no extension that there is, and is refused`,
    deadline(120_000, async () => {
      const war = (): Promise<string> =>
        tool('svwar', '-c', '--force', '-t', '0.01', '-m', method, '-e', '100-400', node(1).address)
      const { output, asked } = await whileAsking(war)
      // What it shows may be what the refusal looks like, of extensions that there are not.
      assert.doesNotMatch(output, /\b104\b/)
      await assertRefused(`svwar ${method}`, asked)
      await forgive()
    }),
  )
}

attack(
  'svmap finds nothing where it says who it is, and is refused everywhere from then on',
  deadline(120_000, async () => {
    const found = await tool('svmap', '-c', '-t', '0.01', node(1).address)
    assert.match(found, /thor-node/, 'without its name it is an OPTIONS like others')
    const { output, asked } = await whileAsking(() => tool('svmap', '-t', '0.01', `${net}.0/30`))
    assert.match(output, /found nothing/)
    await assertRefused('svmap', asked)
    assert.match(await tool('svmap', '-c', '-t', '0.01', node(3).address), /found nothing/, 'nor without its name')
    await forgive()
  }),
)

test.run()
