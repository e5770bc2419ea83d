import { type LogFields, type Logger, type Net, silentLogger } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { parseMessage, type SipMessage, type SipRequest } from '../../src/message/index.ts'
import type { FlowToken, Source, TlsCredentials } from '../../src/transport/contract.ts'
import { type TransportInit, Transports } from '../../src/transport/layer.ts'

interface TextParts {
  via?: string
  headers?: string
  body?: string
}

export function optionsText({
  via = '192.0.2.9:5060;branch=z9hG4bKa',
  headers = '',
  body = '',
}: TextParts = {}): string {
  return (
    `OPTIONS sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP ${via}\r\nFrom: <sip:a@example.net>;tag=1\r\n` +
    `To: <sip:b@example.net>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n${headers}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

export function optionsRequest(parts: TextParts = {}): SipRequest {
  const message = parseMessage(Buffer.from(optionsText(parts), 'latin1'))
  if (message.kind !== 'request') throw new Error('not a request')
  return message
}

export interface House {
  transports: Transports
  clock: SimClock
  got: { message: SipMessage; source: Source }[]
  closed: FlowToken[]
  errors: { message: string; fields: LogFields | undefined }[]
}

/** A transport layer over `net` that keeps what it hears. */
export function makeHouse(net: Net, init: TransportInit, seed = 1, tls?: TlsCredentials): House {
  const clock = new SimClock()
  const errors: House['errors'] = []
  const logger: Logger = {
    ...silentLogger,
    forComponent: () => logger,
    error: (message, fields) => void errors.push({ message, fields }),
  }
  const transports = new Transports({ clock, random: new SimRandom(seed), net, logger, ...(tls && { tls }) }, init)
  const house: House = { transports, clock, got: [], closed: [], errors }
  transports.onMessage = (message, source) => void house.got.push({ message, source })
  transports.onFlowClosed = (flow) => void house.closed.push(flow)
  return house
}
