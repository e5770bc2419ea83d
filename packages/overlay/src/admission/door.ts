import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import {
  type Address,
  bindError,
  type Clock,
  errorCode,
  errorMessage,
  type Lifecycle,
  type Logger,
  toPem,
} from '@thor-node/core'
import { FrameReader } from '../kad/framing.ts'
import { type NodeKey, nodeIdOf, nodeKeyPair, verifyNode } from '../kad/node-key.ts'
import { admissionLimits, membershipLimits } from '../limits.ts'
import type { Member } from '../membership/contract.ts'
import type { Roster } from '../membership/roster.ts'
import type { NodeId } from '../peers.ts'
import type { SignedCertificate } from './certificate.ts'
import { encodeRingIdentity, type RingIdentity } from './identity.ts'
import { decodeRequest, encodeFrame, type JoinAnswer, type JoinRequest, proofText } from './messages.ts'
import { selfSignedCertificate } from './x509.ts'

/** What a door passes on, after the node has shown that it holds its key. */
export interface AdmitRequest {
  inviteId: string
  secret: Uint8Array
  nodeId: NodeId
  name?: string
  zone?: string
}

export type AdmitVerdict =
  | { verdict: 'accepted'; certificate: SignedCertificate }
  | { verdict: 'invalid' | 'used' | 'expired' }

export interface DoorComponents {
  clock: Clock
  log: Logger
  /**
   * Redeems the invite by compare-and-set and has an issuer sign; resolves when all live members know the certificate. Codes
   * of ours (`ADMISSION_…`) are told to the node, anything else becomes `ADMISSION_FAILED`.
   */
  admit(request: AdmitRequest): Promise<AdmitVerdict>
  /** Who may be a member. */
  roster: Roster
  /** What a new member needs to find the others. */
  members(): readonly Member[]
}

export interface DoorInit {
  listen: Address
  identity: RingIdentity
  /** Of this node: the invite pins it. */
  key: NodeKey
}

const refusals = {
  invalid: ['ADMISSION_INVITE_INVALID', 'the ring does not know this invite; ask for a new one'],
  used: ['ADMISSION_INVITE_USED', 'this invite was used by another node; ask for a new one'],
  expired: ['ADMISSION_INVITE_EXPIRED', 'this invite has expired; ask for a new one'],
} as const

/**
 * Lets new nodes in: TLS 1.3 with a certificate of the node's own key, one request, one answer. Strangers get nothing but a
 * refusal; the invite's secret is the only thing that opens it.
 */
export class Door implements Lifecycle {
  readonly #components: DoorComponents
  readonly #init: DoorInit
  readonly #log: Logger
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #starting: Promise<void> | undefined
  #second = 0
  #handshakes = 0

  constructor(components: DoorComponents, init: DoorInit) {
    this.#components = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:door')
  }

  /** Where it listens. */
  get local(): Address {
    const address = this.#server?.address() as AddressInfo | null | undefined
    return address ? { host: address.address, port: address.port } : this.#init.listen
  }

  /** Throws `NET_ADDRESS_IN_USE`, `NET_PERMISSION`, `NET_ADDRESS_UNKNOWN`. */
  start(): Promise<void> {
    this.#starting ??= this.#listen()
    return this.#starting
  }

  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const server = this.#server
    this.#server = undefined
    if (!server) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #listen(): Promise<void> {
    const { key, listen } = this.#init
    const keys = nodeKeyPair(key)
    const subject = { commonName: nodeIdOf(key), serial: keys.publicKey.subarray(-8) }
    const server = createServer({
      key: toPem('PRIVATE KEY', keys.privateKey),
      cert: toPem('CERTIFICATE', selfSignedCertificate(keys, subject)),
      minVersion: 'TLSv1.3',
      handshakeTimeout: admissionLimits.finishTimeoutMs,
    })
    server.maxConnections = admissionLimits.connectionsMax
    server.on('connection', (socket: Socket) => this.#onConnection(socket))
    server.on('secureConnection', (socket) => this.#serve(socket))
    server.on('tlsClientError', (error) => this.#log.debug('handshake failed', { reason: errorMessage(error) }))
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(bindError(error, 'tcp', listen)))
      server.listen(listen.port, listen.host, () => {
        server.removeAllListeners('error')
        server.on('error', (error) => this.#log.error('the door has trouble', { error }))
        this.#server = server
        resolve()
      })
    })
  }

  #onConnection(socket: Socket): void {
    const second = Math.floor(this.#components.clock.now() / 1000)
    if (second !== this.#second) this.#handshakes = 0
    this.#second = second
    this.#handshakes++
    if (this.#handshakes > admissionLimits.handshakesPerSecond) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    const timer = this.#components.clock.after(admissionLimits.finishTimeoutMs, () => socket.destroy())
    socket.once('close', () => {
      timer.cancel()
      this.#sockets.delete(socket)
    })
    socket.on('error', () => undefined)
  }

  #serve(socket: TLSSocket): void {
    const reader = new FrameReader(admissionLimits.messageBytesMax)
    let answered = false
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      if (answered) return
      const frames = reader.push(chunk)
      if (frames === 'too-long') {
        socket.destroy()
        return
      }
      const [frame] = frames
      if (!frame) return
      answered = true
      void this.#answer(socket, frame).then((answer) => {
        if (!socket.destroyed) socket.end(encodeFrame(answer))
      })
    })
  }

  /** Never throws. */
  async #answer(socket: TLSSocket, frame: Uint8Array): Promise<JoinAnswer> {
    const request = decodeRequest(frame)
    if (!request)
      return refuse('ADMISSION_FAILED', 'the request is of an unknown form; is that node of another version?')
    try {
      if (!verifyNode(request.nodeId, proofText(socket, request.nodeId), request.proof)) {
        return refuse('ADMISSION_FAILED', 'the node does not hold the key that it names')
      }
      return await this.#admit(request, socket.remoteAddress)
    } catch (error) {
      this.#log.warn('an admission failed', { nodeId: request.nodeId, error })
      const code = errorCode(error)
      if (code?.startsWith('ADMISSION_')) return refuse(code, errorMessage(error))
      return refuse('ADMISSION_FAILED', `the ring could not admit the node (${code ?? 'internal error'}); try again`)
    }
  }

  async #admit({ invite, nodeId, name, zone }: JoinRequest, remote: string | undefined): Promise<JoinAnswer> {
    const { admit, roster, members } = this.#components
    const revoked = roster.revocationOf(nodeId)
    if (revoked) return { ...refuse('ADMISSION_REVOKED', 'this node was revoked'), revocation: revoked.signed }
    if (!invite) {
      if (roster.has(nodeId)) return { ok: 'member', roster: roster.contents, members: members() }
      return refuse('ADMISSION_FAILED', 'the ring does not know this node')
    }
    const others = members().filter((member) => member.nodeId !== nodeId && member.state !== 'left')
    if (others.length >= membershipLimits.membersMax) {
      return refuse('ADMISSION_RING_FULL', `the ring has ${others.length} members and takes no more`)
    }
    const { id: inviteId, secret } = invite
    const admitted = await admit({ inviteId, secret, nodeId, ...(name && { name }), ...(zone && { zone }) })
    if (admitted.verdict !== 'accepted') {
      this.#log.info('an invite was refused', { inviteId, remote, verdict: admitted.verdict })
      const [code, message] = refusals[admitted.verdict]
      return refuse(code, message)
    }
    const { certificate } = admitted
    this.#log.info('a node was admitted', { nodeId, inviteId, remote })
    const identity = encodeRingIdentity(this.#init.identity)
    return { ok: true, identity, certificate, roster: roster.contents, members: members() }
  }
}

function refuse(code: string, message: string): JoinAnswer & { ok: false } {
  return { ok: false, code, message }
}
