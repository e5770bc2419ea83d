import { connect, type TLSSocket } from 'node:tls'
import { type Address, type Clock, errorCode, errorMessage, formatAddress, ThorError } from '@thor-node/core'
import { FrameReader } from '../kad/framing.ts'
import { type NodeKey, nodeIdOf, signAsNode } from '../kad/node-key.ts'
import { admissionLimits } from '../limits.ts'
import type { Member } from '../membership/contract.ts'
import { type Certificate, isSigned, type SignedCertificate, verifyCertificate } from './certificate.ts'
import { decodeRingIdentity, fingerprintOf, type RingIdentity } from './identity.ts'
import type { Invite } from './invite.ts'
import { decodeAnswer, encodeFrame, type JoinAnswer, proofText } from './messages.ts'

export interface Admission {
  identity: RingIdentity
  certificate: Certificate
  signed: SignedCertificate
  /** Certificates of all members, this node's too. */
  certificates: readonly SignedCertificate[]
  /** Whom to dial. Comes from a member: the roster and `Membership` check it. */
  members: readonly Member[]
}

export interface JoinOptions {
  invite: Invite
  key: NodeKey
  /** Wish for the node's name. */
  name?: string
  /** Wish for the site that it stands at. */
  zone?: string
  timeoutMs?: number
}

/** What every door of the ring would say. */
const FINAL = new Set(['ADMISSION_INVITE_INVALID', 'ADMISSION_INVITE_USED', 'ADMISSION_INVITE_EXPIRED'])

/**
 * Redeems an invite at the first door that answers. Throws `ADMISSION_INVITE_INVALID`, `ADMISSION_INVITE_USED`,
 * `ADMISSION_INVITE_EXPIRED`, `ADMISSION_WRONG_RING` (somebody else listens there), `ADMISSION_UNREACHABLE` (nobody does),
 * `ADMISSION_FAILED` (the ring could not do it now), `ADMISSION_RING_FULL`. Asking again with the same key is safe.
 */
export async function joinRing({ clock }: { clock: Clock }, options: JoinOptions): Promise<Admission> {
  let worst: ThorError | undefined
  for (const address of options.invite.addresses) {
    try {
      return await joinAt(clock, address, options)
    } catch (error) {
      if (!(error instanceof ThorError)) throw error
      if (FINAL.has(error.code)) throw error
      // What a door said is worth more than the silence of another.
      if (!worst || worst.code === 'ADMISSION_UNREACHABLE') worst = error
    }
  }
  throw worst ?? new ThorError('ADMISSION_INVITE_INVALID', 'the invite names no address')
}

async function joinAt(clock: Clock, address: Address, options: JoinOptions): Promise<Admission> {
  const { invite, key, name } = options
  const answer = await ask(clock, address, options)
  if (!answer.ok) throw new ThorError(answer.code, `${formatAddress(address)}: ${answer.message}`)
  const identity = decodeRingIdentity(answer.identity)
  const nodeId = nodeIdOf(key)
  const { certificate: signed, certificates, members } = answer
  const certificate = isSigned(signed) ? verifyCertificate(identity, signed, clock.wall()) : undefined
  const isPinned = Buffer.compare(fingerprintOf(identity.tlsCertificate), invite.fingerprint) === 0
  if (!isPinned || !isSigned(signed) || certificate?.nodeId !== nodeId) {
    const hint = 'its certificate does not fit; are the clocks of both machines right?'
    throw new ThorError('ADMISSION_FAILED', `${formatAddress(address)} admitted ${name ?? nodeId}, but ${hint}`)
  }
  return {
    identity,
    certificate,
    signed,
    certificates: Array.isArray(certificates) ? certificates.filter(isSigned) : [],
    members: Array.isArray(members) ? (members as Member[]) : [],
  }
}

function ask(clock: Clock, address: Address, options: JoinOptions): Promise<JoinAnswer> {
  const { invite, key, name, zone, timeoutMs = admissionLimits.finishTimeoutMs } = options
  const where = formatAddress(address)
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: address.host,
      port: address.port,
      // The chain means nothing here: the certificate itself is pinned below, before anything is said.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    })
    const finish = (done: () => void): void => {
      timer.cancel()
      socket.destroy()
      done()
    }
    const fail = (code: string, message: string, cause?: unknown): void =>
      finish(() => reject(new ThorError(code, message, { cause })))
    const timer = clock.after(timeoutMs, () => {
      fail('ADMISSION_UNREACHABLE', `${where} gave no answer in ${timeoutMs / 1000} s`)
    })
    const reader = new FrameReader(admissionLimits.answerBytesMax)
    socket.on('error', (error) => {
      const isTls = errorCode(error)?.startsWith('ERR_SSL') ?? false
      const message = `${where} cannot be reached: ${errorMessage(error)}; is a node of the ring running there?`
      fail(isTls ? 'ADMISSION_WRONG_RING' : 'ADMISSION_UNREACHABLE', message, error)
    })
    socket.on('secureConnect', () => {
      const shown = socket.getPeerX509Certificate()?.raw
      if (!shown || Buffer.compare(fingerprintOf(shown), invite.fingerprint) !== 0) {
        fail('ADMISSION_WRONG_RING', `${where} belongs to another ring than the invite; nothing was sent to it`)
        return
      }
      const nodeId = nodeIdOf(key)
      const proof = signAsNode(key, proofText(socket, nodeId))
      const { id: inviteId, secret } = invite
      const wishes = { ...(name && { name }), ...(zone && { zone }) }
      socket.write(encodeFrame({ version: 1, inviteId, secret, nodeId, proof, ...wishes }))
    })
    socket.on('data', (chunk: Buffer) => {
      const frames = reader.push(chunk)
      const answer = frames === 'too-long' ? undefined : frames[0] && decodeAnswer(frames[0])
      if (answer) finish(() => resolve(answer))
      else if (frames === 'too-long' || frames.length > 0) {
        fail('ADMISSION_FAILED', `${where} answered in an unknown form; is it of another version?`)
      }
    })
    socket.on('close', () => fail('ADMISSION_UNREACHABLE', `${where} closed the connection without an answer`))
  })
}
