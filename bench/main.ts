/**
 * Runs one benchmark, or lists them: `npm run bench -- one-node --rounds 3`.
 *
 *   node bench/main.ts [name] [options of that benchmark]
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const benches: Record<string, string> = {
  parser: 'microseconds per SIP message: parse, validate, serialize',
  shape: 'what threads with a loop of SIP each could bring, and how the kernel shares datagrams among sockets',
  stalls: 'how long OPTIONS take while SOAP, DNS and registrations are asked of the same node',
  stack: 'microseconds of CPU per registration of the SIP stack alone',
  registers: 'changes, reads and transactions of registers on three nodes in one process',
  relay: 'packets per second through the media relay, with loss',
  'large-rings': 'placement, traffic and memory of rings up to 1000 nodes; --write draws docs/pictures',
  membership: 'simulated rings: who is taken for dead wrongly, and how soon real deaths are seen',
  store: 'REG, SET, SOFT, reads and RPC of three nodes; memory of a million records; an idle ring of ten',
  'slow-receiver': 'what other nodes feel while one takes a range of a million records, slowly (as root, on Linux)',
  connections: 'memory of open connections over TLS, WSS, TCP or WS',
  accounts: 'memory of one node with 300,000 accounts registered, and a storm of 100,000 registrations',
  enum: 'ENUM queries per second, delays and memory with 3,000,000 numbers, beside NSD, Knot and PowerDNS',
  'enum-ring': 'loading numbers into a ring, memory, start, and how soon a change is answered everywhere',
  'sip-overload': 'goodput of one node at 1, 2 and 5 times what it can do, with shedding and without',
  'one-node': 'start-up, memory, registrations and calls per second of one node on one core',
  kamailio: 'registrations and calls of thor-node and Kamailio side by side, paced or as many as they can',
  provisioning: 'requests per second over SOAP on three nodes, an import, subscribers while nodes are killed',
  'three-nodes': 'three nodes under sipp, with --kill one dies halfway; compares the records',
}

const [name = '', ...args] = process.argv.slice(2)
if (name in benches) {
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], { stdio: 'inherit' })
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
} else {
  console.log('npm run bench -- NAME [options]\n')
  for (const [bench, text] of Object.entries(benches)) console.log(`  ${bench.padEnd(13)} ${text}`)
  process.exitCode = name === '' ? 0 : 1
}
