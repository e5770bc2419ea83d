import { connect, type TLSSocket } from 'node:tls'
import { type Clock, errorCode, errorMessage, formatAddress, ThorError } from '@thor-node/core'
import { FrameReader } from '../kad/framing.ts'
import { type NodeKey, nodeIdOf, signAsNode } from '../kad/node-key.ts'
import { admissionLimits } from '../limits.ts'
import type { Member } from '../membership/contract.ts'
import { Roster, type RosterContents, type RosterNews } from '../membership/roster.ts'
import type { NodeId } from '../peers.ts'
import { type Certificate, isSignedCertificate, type SignedCertificate, verifyCertificate } from './certificate.ts'
import { decodeRingIdentity, fingerprintOf, type RingIdentity } from './identity.ts'
import { doorKeyOf, type Invite, type InviteDoor } from './invite.ts'
import type { RingTrust } from './issuer.ts'
import { decodeAnswer, encodeFrame, type JoinAnswer, type JoinRequest, proofText } from './messages.ts'
import { isSignedRevocation, readRevocation, type SignedRevocation } from './revocation.ts'
import { keyIdOf } from './signed.ts'

export interface Admission {
  identity: RingIdentity
  certificate: Certificate
  signed: SignedCertificate
  /** Who may be a member, this node too; all of it was checked. */
  roster: RosterContents
  /** Whom to dial. */
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
const FINAL = new Set([
  'ADMISSION_INVITE_INVALID',
  'ADMISSION_INVITE_USED',
  'ADMISSION_INVITE_EXPIRED',
  'ADMISSION_REVOKED',
])

/**
 * Redeems an invite at the first door that answers. Throws `ADMISSION_REVOKED`, `ADMISSION_INVITE_INVALID`, `ADMISSION_INVITE_USED`,
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

/** What a door tells a node that is or was a member. */
export type Standing =
  | { type: 'revoked'; revocation: SignedRevocation }
  /** Who may be a member, not checked yet, and where they are. */
  | { type: 'member'; roster: RosterNews; members: readonly Member[] }
  | { type: 'unknown' }

/**
 * Asks the door of a member how this node stands with the ring, which it cannot learn from gossip when nobody takes its
 * connections. Throws as `joinRing` does when nobody answers there.
 */
export async function askStanding(
  { clock }: { clock: Clock },
  { door, key, ring }: { door: { host: string; port: number; nodeId: NodeId }; key: NodeKey; ring: RingTrust },
): Promise<Standing> {
  const { host, port, nodeId } = door
  const answer = await ask(clock, { host, port, key: doorKeyOf(nodeId) }, key, {})
  if (answer.ok === 'member') {
    const roster = isObject(answer.roster) ? (answer.roster as RosterNews) : {}
    const members = Array.isArray(answer.members) ? answer.members.filter(isObject) : []
    return { type: 'member', roster, members: members as unknown as Member[] }
  }
  if (answer.ok || !isSignedRevocation(answer.revocation)) return { type: 'unknown' }
  const { revocation } = answer
  return readRevocation(ring, revocation)?.id === nodeIdOf(key) ? { type: 'revoked', revocation } : { type: 'unknown' }
}

async function joinAt(clock: Clock, door: InviteDoor, options: JoinOptions): Promise<Admission> {
  const { invite, key, name, zone, timeoutMs } = options
  const wishes = { ...(name && { name }), ...(zone && { zone }) }
  const answer = await ask(clock, door, key, { invite: { id: invite.id, secret: invite.secret }, ...wishes }, timeoutMs)
  const where = formatAddress(door)
  if (answer.ok === 'member') throw new ThorError('ADMISSION_FAILED', `${where} did not understand the invite`)
  if (!answer.ok) throw new ThorError(answer.code, `${where}: ${answer.message}`)
  const identity = decodeRingIdentity(answer.identity)
  const nodeId = nodeIdOf(key)
  const { certificate: signed, members } = answer
  const certificate = isSignedCertificate(signed) ? verifyCertificate(identity, signed, clock.wall()) : undefined
  const isPinned = Buffer.compare(fingerprintOf(identity), invite.fingerprint) === 0
  if (!isPinned || !isSignedCertificate(signed) || certificate?.nodeId !== nodeId) {
    const hint = 'its certificate does not fit; are the clocks of both machines right?'
    throw new ThorError('ADMISSION_FAILED', `${where} admitted ${name ?? nodeId}, but ${hint}`)
  }
  const roster = new Roster({ clock }, { ring: identity })
  roster.take(isObject(answer.roster) ? (answer.roster as RosterNews) : undefined)
  roster.add(signed)
  return {
    identity,
    certificate,
    signed,
    roster: roster.contents,
    members: Array.isArray(members) ? members.filter((one) => isObject(one) && roster.has(String(one.nodeId))) : [],
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function ask(
  clock: Clock,
  door: InviteDoor,
  key: NodeKey,
  request: Pick<JoinRequest, 'invite' | 'name' | 'zone'>,
  timeoutMs: number = admissionLimits.finishTimeoutMs,
): Promise<JoinAnswer> {
  const where = formatAddress(door)
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: door.host,
      port: door.port,
      // The chain means nothing here: the key of the certificate is pinned below, before anything is said.
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
      const shown = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
      if (!shown || keyIdOf(shown) !== door.key) {
        fail('ADMISSION_WRONG_RING', `${where} is not the node that the invite names; nothing was sent to it`)
        return
      }
      const nodeId = nodeIdOf(key)
      socket.write(encodeFrame({ version: 1, ...request, nodeId, proof: signAsNode(key, proofText(socket, nodeId)) }))
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
