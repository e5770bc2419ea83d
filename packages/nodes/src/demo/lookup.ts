/** One DNS question (RFC 1035) to one server: the addresses of a name. */
import { type Address, type Clock, type Net, type Random, sleep } from '@thor-node/core'

const TYPE_A = 1
const CLASS_IN = 1
const HEADER_BYTES = 12
const ANSWER_LIMIT_MS = 500

function writeQuery(id: number, name: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(1, 4)
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]))
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, TYPE_A, 0, CLASS_IN])])
}

/** Where a name ends; pointers are not followed, as names are not read. */
function nameEnd(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const length = bytes.readUInt8(at)
    if (length >= 0xc0) return at + 2
    at += 1 + length
    if (length === 0) return at
  }
}

/** The A records of the answer section. @throws RangeError when the packet is cut off */
export function addressesOf(bytes: Buffer): string[] {
  const answers = bytes.readUInt16BE(6)
  let at = nameEnd(bytes, HEADER_BYTES) + 4
  const found: string[] = []
  for (let i = 0; i < answers; i++) {
    at = nameEnd(bytes, at)
    const type = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 8)
    const data = bytes.subarray(at + 10, at + 10 + length)
    if (type === TYPE_A && data.length === 4) found.push(data.join('.'))
    at += 10 + length
  }
  return found.sort()
}

/** The addresses that `server` gives for `name`, sorted; undefined when it does not answer in time. */
export async function lookUp(
  { clock, random, net }: { clock: Clock; random: Random; net: Net },
  server: Address,
  name: string,
): Promise<string[] | undefined> {
  const id = random.int(2 ** 16)
  const { promise, resolve } = Promise.withResolvers<string[] | undefined>()
  const socket = await net.udp({ host: server.host, port: 0 }, (bytes, from) => {
    if (from.port !== server.port || bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return
    try {
      resolve(addressesOf(bytes))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  })
  socket.send(writeQuery(id, name), server)
  const late = sleep(clock, ANSWER_LIMIT_MS).then(() => undefined)
  const addresses = await Promise.race([promise, late])
  await socket.close()
  return addresses
}
