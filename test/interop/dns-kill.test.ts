/** A node is killed while dnsperf asks another one: no answer is wrong, none is missing, and the dead one is named no more (DN-02, EN-34). */
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { Packet } from 'dns2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { available, run } from '../support/programs.ts'

const NET = '127.94.1'
const DOMAIN = 'voice.example'
const TREE = 'e164.arpa'
const test = suite('interop: dns under kill')
const it = available('dnsperf', 'dnsperf') ? test : test.skip

let cluster: Cluster
let folder: string

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thor-dns-kill-'))
  cluster = await startCluster({ net: NET, nodes: 3, options: ['--domain', DOMAIN, '--dns-rate', '0'] })
  await cluster.settled()
})
test.after(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

/** Asks one node for `_sip._udp` again and again, one question at a time, and keeps what each answer named. */
class Prober {
  /** `n1 n2 n3`, or the code of a refusal, in the order of the questions. */
  readonly seen: { askedAt: number; said: string }[] = []
  readonly #socket: Socket = createSocket('udp4')
  readonly #query: Buffer
  readonly #watch: NodeJS.Timeout
  #askedAt = 0
  #id = 0
  #stopped = false

  constructor() {
    const packet = new Packet()
    packet.header.rd = 0
    const { ANY: _, ...types } = Packet.TYPE
    packet.questions.push({ name: `_sip._udp.${DOMAIN}`, type: types.SRV, class: Packet.CLASS.IN } as never)
    this.#query = Buffer.from(packet.toBuffer())
    this.#socket.on('message', (bytes) => {
      if (bytes.readUInt16BE(0) !== this.#id) return
      const { header, answers } = Packet.parse(bytes)
      const names = (answers as unknown as { target: string }[]).map(({ target }) => target.split('.')[0])
      this.seen.push({ askedAt: this.#askedAt, said: header.rcode === 0 ? names.sort().join(' ') : `${header.rcode}` })
      setTimeout(() => this.#ask(), 2)
    })
    this.#ask()
    // One that got lost on the way is asked again.
    this.#watch = setInterval(() => performance.now() - this.#askedAt > 1_000 && this.#ask(), 500)
  }

  get last(): string | undefined {
    return this.seen.at(-1)?.said
  }

  #ask(): void {
    if (this.#stopped) return
    this.#askedAt = performance.now()
    this.#id = (this.#id + 1) & 0xffff
    this.#query.writeUInt16BE(this.#id, 0)
    this.#socket.send(this.#query, ports.dns, node(1).address)
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#watch)
    this.#socket.close()
  }
}

it(
  'no answer is wrong or missing, and once the death is known its node is in none, until it is back',
  deadline(120_000, async () => {
    const { operations } = node(1)
    await operations.dnsAdd({ zone: 'customer.example' })
    await operations.dnsSet({ zone: 'customer.example', name: 'www', type: 'A', value: '192.0.2.80' })
    await operations.enumRangeAdd({ tree: TREE, prefix: '+3120', minDigits: 11, maxDigits: 11 })
    const mappings = [{ type: 'sip', mapto: 'sip:bob@voice.example', priority: 5, ttl: 60 }]
    await operations.enumAdd({ tree: TREE, number: '+31208005100', mappings })
    const questions = [
      `_sip._udp.${DOMAIN} SRV`,
      `${DOMAIN} NAPTR`,
      `proxy.${DOMAIN} A`,
      'www.customer.example A',
      '0.0.1.5.0.0.8.0.2.1.3.e164.arpa NAPTR',
    ]
    writeFileSync(join(folder, 'questions'), `${questions.join('\n')}\n`)
    const prober = new Prober()
    const perf = run(
      'dnsperf',
      [
        ...['-s', node(1).address, '-p', String(ports.dns), '-d', join(folder, 'questions')],
        ...['-l', '20', '-Q', '500', '-c', '4', '-t', '5'],
      ],
      { timeoutMs: 60_000 },
    )
    await eventually(() => prober.last === 'n1 n2 n3', 20_000, 'all nodes to be named')

    const killedAt = performance.now()
    await cluster.kill(node(2))
    const dead = async (): Promise<boolean> =>
      (await operations.status()).nodes.some(({ name, state }) => name === 'n2' && state === 'dead')
    await eventually(dead, 20_000, 'node 1 to know of the death')
    const knownAt = performance.now()
    await eventually(() => prober.seen.some(({ askedAt }) => askedAt > knownAt), 5_000, 'one more answer')
    const goneAt = prober.seen.find(({ askedAt, said }) => askedAt > killedAt && said === 'n1 n3')?.askedAt
    const back = prober.seen.length
    await cluster.restart(node(2))
    await eventually(() => prober.last === 'n1 n2 n3', 30_000, 'node 2 to be named again')
    const { stdout } = await perf
    prober.stop()

    const wrong = prober.seen.filter(({ said }) => said !== 'n1 n2 n3' && said !== 'n1 n3')
    assert.equal(wrong, [], 'the living are named in every answer')
    const late = prober.seen.slice(0, back).filter(({ askedAt, said }) => askedAt > knownAt && said !== 'n1 n3')
    assert.equal(late, [], 'the dead in none, once it is known')
    assert.match(stdout, /Queries lost:\s+0 /)
    assert.match(stdout, /Response codes:\s+NOERROR \d+ \(100\.00%\)/)
    const asked = /Queries completed:\s+(\d+)/.exec(stdout)?.[1]
    const ms = (at = Number.NaN): string => `${Math.round(at - killedAt)} ms`
    console.log(`  ${asked} answers of dnsperf, ${prober.seen.length} others; named no more after ${ms(goneAt)}`)
  }),
)

test.run()
