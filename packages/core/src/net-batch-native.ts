/** What `net-batch.ts` needs of the C library: calls, and memory in the layout of its structures. */
import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import type { Address } from './net.ts'

/** `struct mmsghdr` of 64-bit Linux: a `msghdr`, then how many octets there are. */
export const HEADER = { bytes: 64, name: 0, nameLength: 8, vector: 16, vectors: 24, flags: 48, length: 56 } as const
const VECTOR_BYTES = 16
/** `struct sockaddr_in`. */
const NAME_BYTES = 16
const AF_INET = 2
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUF = 8

const CODES: Record<number, string> = { 1: 'EACCES', 13: 'EACCES', 98: 'EADDRINUSE', 99: 'EADDRNOTAVAIL' }

export interface Library {
  /** A bound socket's descriptor. Throws with `code`. */
  openUdp(bind: Address, receiveBufferBytes: number): number
  close(fd: number): void
  recvmmsg(fd: number, headers: bigint, count: number, flags: number, timeout: null): number
  sendmmsg(fd: number, headers: bigint, count: number, flags: number): number
  errno(): number
  /** For good: it is never freed. */
  allocate(bytes: number): { memory: Buffer; address: bigint }
}

let loaded: Library | undefined | 'none'

/** Undefined where koffi or these calls are not: other systems, other layouts of memory. */
export function loadLibrary(): Library | undefined {
  loaded ??= load() ?? 'none'
  return loaded === 'none' ? undefined : loaded
}

function load(): Library | undefined {
  const { platform, arch } = process
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64') || endianness() !== 'LE') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const libc = koffi.load('libc.so.6')
    const socket = libc.func('int socket(int, int, int)')
    const bindSocket = libc.func('int bind(int, const uint8_t *, uint32_t)')
    const setOption = libc.func('int setsockopt(int, int, int, const int *, uint32_t)')
    const closeSocket = libc.func('int close(int)')
    const recvmmsg = libc.func('int recvmmsg(int, uintptr_t, unsigned int, int, void *)')
    const sendmmsg = libc.func('int sendmmsg(int, uintptr_t, unsigned int, int)')
    return {
      openUdp(bind, receiveBufferBytes) {
        const name = Buffer.alloc(NAME_BYTES)
        if (!writeAddress(name, 0, bind)) throw failure('EADDRNOTAVAIL')
        const fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) as number
        if (fd < 0) throw failure(CODES[koffi.errno()] ?? 'EMFILE')
        setOption(fd, SOL_SOCKET, SO_RCVBUF, [receiveBufferBytes], 4)
        if ((bindSocket(fd, name, NAME_BYTES) as number) === 0) return fd
        const code = CODES[koffi.errno()] ?? `errno ${koffi.errno()}`
        closeSocket(fd)
        throw failure(code)
      },
      close: (fd) => void closeSocket(fd),
      recvmmsg: (fd, headers, count, flags, timeout) => recvmmsg(fd, headers, count, flags, timeout) as number,
      sendmmsg: (fd, headers, count, flags) => sendmmsg(fd, headers, count, flags) as number,
      errno: () => koffi.errno(),
      allocate(bytes) {
        const pointer = koffi.alloc('uint8_t', bytes)
        const memory = Buffer.from(koffi.view(pointer, bytes))
        return { memory, address: koffi.address(pointer) }
      },
    }
  } catch {
    return undefined
  }
}

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

/** Headers, vectors, names and data of a batch, one after the other in memory that does not move. */
export class Arena {
  readonly memory: Buffer
  readonly address: bigint
  /** Where the data begin. */
  readonly dataAt: number
  readonly #count: number

  constructor(library: Library, count: number, dataBytes: number) {
    this.#count = count
    const namesAt = count * (HEADER.bytes + VECTOR_BYTES)
    this.dataAt = namesAt + count * NAME_BYTES
    const { memory, address } = library.allocate(this.dataAt + dataBytes)
    this.memory = memory
    this.address = address
    memory.fill(0, 0, this.dataAt)
    for (let i = 0; i < count; i++) {
      const header = i * HEADER.bytes
      memory.writeBigUInt64LE(address + BigInt(this.nameAt(i)), header + HEADER.name)
      memory.writeUInt32LE(NAME_BYTES, header + HEADER.nameLength)
      memory.writeBigUInt64LE(address + BigInt(this.#vectorAt(i)), header + HEADER.vector)
      memory.writeBigUInt64LE(1n, header + HEADER.vectors)
    }
  }

  nameAt(at: number): number {
    return this.#count * (HEADER.bytes + VECTOR_BYTES) + at * NAME_BYTES
  }

  headerAddress(at: number): bigint {
    return this.address + BigInt(at * HEADER.bytes)
  }

  /** Header `at` is about these octets of the data. */
  point(at: number, start: number, length: number): void {
    const vector = this.#vectorAt(at)
    this.memory.writeBigUInt64LE(this.address + BigInt(this.dataAt + start), vector)
    this.memory.writeBigUInt64LE(BigInt(length), vector + 8)
  }

  /** The kernel has written how long names are. */
  reset(): void {
    for (let i = 0; i < this.#count; i++) this.memory.writeUInt32LE(NAME_BYTES, i * HEADER.bytes + HEADER.nameLength)
  }

  /** Entry `from` is entry `to` from now on; its data stay where they are. */
  move(from: number, to: number): void {
    if (from === to) return
    this.memory.copyWithin(this.#vectorAt(to), this.#vectorAt(from), this.#vectorAt(from + 1))
    this.memory.copyWithin(this.nameAt(to), this.nameAt(from), this.nameAt(from + 1))
  }

  #vectorAt(at: number): number {
    return this.#count * HEADER.bytes + at * VECTOR_BYTES
  }
}

/** Writes a `sockaddr_in`; false when that is no IPv4 address. */
export function writeAddress(memory: Buffer, at: number, { host, port }: Address): boolean {
  let address = 0
  let part = 0
  let parts = 1
  let digits = 0
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 46) {
      if (digits === 0 || parts === 4) return false
      address = address * 256 + part
      part = 0
      digits = 0
      parts++
      continue
    }
    part = part * 10 + code - 48
    digits++
    if (code < 48 || code > 57 || digits > 3 || part > 255) return false
  }
  if (parts !== 4 || digits === 0 || !(port >= 0 && port < 65_536)) return false
  memory.writeUInt16LE(AF_INET, at)
  memory.writeUInt16BE(port, at + 2)
  memory.writeUInt32BE(address * 256 + part, at + 4)
  return true
}

export const readAddress = (memory: Buffer, at: number): { address: number; port: number } => ({
  address: memory.readUInt32BE(at + 4),
  port: memory.readUInt16BE(at + 2),
})

export const addressText = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
