import type { Address } from '@thor-node/core'
import { isIp } from '../message/ip.ts'
import type { FlowToken, StreamName, TransportName } from './contract.ts'

/**
 * `u<listen point>-<host>-<port>` for datagrams; for streams the letter of the transport, `<connection>-<host>-<port>`. The
 * colons of IPv6 become `_`. A token says nothing that its holder could not have said in a Contact; who may use one is decided
 * by the MAC around it.
 */
export type Flow =
  | { transport: 'udp'; point: number; remote: Address }
  | { transport: StreamName; connection: string; remote: Address }

const FLOW = /^(?:u(\d{1,3})|([tswx])([0-9a-z]{1,20}))-([0-9a-fA-F._]{2,45})-(\d{1,5})$/

const letters: Readonly<Record<StreamName, string>> = { tcp: 't', tls: 's', ws: 'w', wss: 'x' }
const streams = new Map(Object.entries(letters).map(([name, letter]) => [letter, name as StreamName]))

const hostText = (host: string): string => host.replaceAll(':', '_')

export const udpFlow = (point: number, { host, port }: Address): FlowToken => `u${point}-${hostText(host)}-${port}`

export const streamFlow = (transport: StreamName, connection: string, { host, port }: Address): FlowToken =>
  `${letters[transport]}${connection}-${hostText(host)}-${port}`

/** Undefined for anything that no node can have made. */
export function parseFlow(token: FlowToken): Flow | undefined {
  const match = FLOW.exec(token)
  if (!match) return undefined
  const [, point, letter = '', connection, hostPart = '', portPart] = match
  const host = hostPart.replaceAll('_', ':')
  const port = Number(portPart)
  if (!isIp(host) || port < 1 || port > 65_535) return undefined
  const remote = { host, port }
  const transport = streams.get(letter)
  if (transport !== undefined && connection !== undefined) return { transport, connection, remote }
  return { transport: 'udp', point: Number(point), remote }
}

export const transportOf = (flow: Flow): { transport: TransportName; remote: Address } => ({
  transport: flow.transport,
  remote: flow.remote,
})
