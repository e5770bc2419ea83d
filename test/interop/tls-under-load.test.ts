/** Certificates replaced while phones talk over TLS: no connection is lost, no request stays without an answer (SIP-02). */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { makeCertificate } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { splitStream, statusOf } from '../support/sip-message.ts'
import { wirePorts } from '../support/wire.ts'

const net = '127.89.1'
const DAY_MS = 86_400_000
const TALKERS = 100
const REPLACEMENTS = 8
/** Connections that are made meanwhile, one after another. */
const NEWCOMERS = 4

const test = suite('interop: certificates under load')
let cluster: Cluster
let directory: string
let serial = 0

/** Keeps one OPTIONS on its way, for ever. */
class Talker {
  readonly #socket: TLSSocket
  readonly #name: string
  answers = 0
  sent = 0
  lost: string | undefined
  #pending = ''
  #ended = false

  constructor(name: string, socket: TLSSocket) {
    this.#name = name
    this.#socket = socket
    socket.on('data', (bytes) => this.#receive(bytes))
    socket.on('error', (error) => {
      this.lost ??= error.message
    })
    socket.on('close', () => {
      if (!this.#ended) this.lost ??= 'closed'
    })
  }

  ask(): void {
    const id = `${this.#name}-${this.sent++}`
    const lines = [
      `OPTIONS sip:${net}.1 SIP/2.0`,
      `Via: SIP/2.0/TLS ${this.#socket.localAddress};branch=z9hG4bK${id};rport`,
      `From: <sip:${this.#name}@thor.local>;tag=${id}`,
      `To: <sip:${net}.1>`,
      `Call-ID: ${id}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
    ]
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  }

  get subject(): string {
    return this.#socket.getPeerX509Certificate()?.subject ?? ''
  }

  end(): void {
    this.#ended = true
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    const { messages, rest } = splitStream(this.#pending + bytes.toString('latin1'))
    this.#pending = rest
    for (const message of messages) {
      assert.equal(statusOf(message), 200)
      this.answers++
      if (!this.#ended) this.ask()
    }
  }
}

function talker(name: string, host: number): Promise<Talker> {
  return new Promise((done, fail) => {
    const to = { host: `${net}.1`, port: wirePorts.tls, localAddress: `127.89.2.${host}`, servername: 'thor.local' }
    const socket = connect({ ...to, rejectUnauthorized: false }, () => {
      const made = new Talker(name, socket)
      made.ask()
      done(made)
    })
    socket.once('error', fail)
  })
}

/** In place at once: the node may look at any moment. */
function put(name: string): void {
  const dates = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 90 * DAY_MS }
  const { cert, key } = makeCertificate({
    commonName: name,
    altNames: ['thor.local'],
    serial: Buffer.of(++serial),
    ...dates,
  })
  const next = join(directory, `next-${name}`)
  mkdirSync(next)
  writeFileSync(join(next, 'fullchain.pem'), cert)
  writeFileSync(join(next, 'privkey.pem'), key)
  const old = join(directory, 'thor')
  try {
    renameSync(old, join(directory, `../old-${name}`))
  } catch {
    // The first one.
  }
  renameSync(next, old)
}

test.before(async () => {
  cluster = await startCluster({ net, nodes: 1 })
  directory = join(cluster.nodes[0]?.data ?? '', 'tls')
})
test.after(() => cluster?.stop())

test(
  'eight times a new certificate while a hundred connections talk and others are made: each goes on, all is answered',
  deadline(120_000, async () => {
    const operations = cluster.nodes[0]?.operations
    put('first')
    await operations?.certificates({ reload: true })
    const talkers = await Promise.all(Array.from({ length: TALKERS }, (_, i) => talker(`t${i}`, 1 + (i % 50))))
    let over = false
    const seen = new Set<string>()
    let made = 0
    const failures: string[] = []
    const newcomers = Array.from({ length: NEWCOMERS }, async (_, i) => {
      while (!over) {
        try {
          const one = await talker(`n${i}-${made++}`, 60 + i)
          seen.add(one.subject)
          await eventually(() => one.answers > 0, 10_000, 'an answer on a new connection')
          if (one.lost) failures.push(one.lost)
          one.end()
        } catch (error) {
          failures.push(String(error))
        }
      }
    })
    const wanted = ['CN=first']
    for (let i = 1; i <= REPLACEMENTS; i++) {
      put(`number${i}`)
      wanted.push(`CN=number${i}`)
      await operations?.certificates({ reload: true })
      await eventually(() => seen.has(`CN=number${i}`), 15_000, `a new connection with certificate ${i}`)
      const marks = talkers.map(({ answers }) => answers)
      await eventually(
        () => talkers.every(({ answers, lost }, n) => lost !== undefined || answers > (marks[n] ?? 0) + 2),
        20_000,
        'all to be answered after it',
      )
    }
    over = true
    await Promise.all(newcomers)
    const answers = talkers.reduce((sum, one) => sum + one.answers, 0)
    console.log(`${REPLACEMENTS} certificates, ${TALKERS} connections, ${made} new ones, ${answers} answers`)
    assert.deepEqual(
      talkers.flatMap(({ lost }) => lost ?? []),
      [],
    )
    assert.deepEqual(failures, [])
    for (const subject of wanted.slice(1)) assert.ok(seen.has(subject), subject)
    assert.deepEqual(
      new Set(talkers.map(({ subject }) => subject)),
      new Set(['CN=first']),
      'they are the old connections',
    )
    for (const one of talkers) {
      assert.ok(one.sent - one.answers <= 1, 'one is on its way, at most')
      one.end()
    }
  }),
)

test.run()
