/** A node in a process of its own, to be killed. Arguments: node key (hex), host. Prints its address; serves echo. */
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { Libp2pPeerNet } from '../../src/kad/kad.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'

const [key = '', host = ''] = process.argv.slice(2)
const net = new Libp2pPeerNet(
  { clock: systemClock, random: systemRandom, log: silentLogger },
  { key: Buffer.from(key, 'hex'), listen: { host, port: 0 }, isMember: () => true },
)
const rpc = new PeerRpc({ peers: net, clock: systemClock, log: silentLogger })
rpc.serve('echo', (body) => body)
rpc.serve('hang', () => new Promise(() => undefined))
await net.start()
console.log(net.addresses[0])
