import type { Address } from '@thor-node/core'
import { isIp, isIpv4 } from '../message/ip.ts'
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
  return parseDatagramFlow(token) ?? parseAnyFlow(token)
}

/** `u<digit>-<IPv4 address>-<port>`, which nearly all are, without a pattern. */
function parseDatagramFlow(token: FlowToken): Flow | undefined {
  const dash = token.lastIndexOf('-')
  if (token.charCodeAt(0) !== 117 || token.charCodeAt(2) !== 45 || dash < 9 || token.length - dash > 6) return undefined
  const point = token.charCodeAt(1) - 48
  const port = digits(token, dash + 1)
  if (point < 0 || point > 9 || !(port >= 1 && port <= 65_535)) return undefined
  const host = token.slice(3, dash)
  return isIpv4(host) ? { transport: 'udp', point, remote: { host, port } } : undefined
}

/** The number that stands from there to the end; NaN where there is something else. */
function digits(text: string, start: number): number {
  let value = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return text.length > start ? value : Number.NaN
}

function parseAnyFlow(token: FlowToken): Flow | undefined {
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
