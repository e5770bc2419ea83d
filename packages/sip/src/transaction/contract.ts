import type { SipRequest, SipResponse } from '../message/contract.ts'
import type { Source } from '../transport/contract.ts'

/** T1, T2, T4 and what follows from them, in ms (RFC 3261 Table 4). Arguments, never module variables. */
export interface TimerValues {
  t1: number
  t2: number
  t4: number
  timerC: number
}

/**
 * How one message leaves for one next hop. The layer above decides it (a flow of this node, an address, or a flow of another
 * node over the ring), so the transaction layer need not know rings.
 */
export interface Hop {
  /** `UDP` retransmits; `TCP` and the ring do not. */
  reliable: boolean
  /** For Via: transport name and sent-by of this node. */
  via: { transport: string; host: string; port: number }
  /** Requests of the peer to that sent-by may come back on the connection that this one takes (RFC 5923 §5). */
  alias?: boolean
  send(message: SipRequest): Promise<void>
}

export interface ServerTransaction {
  readonly request: SipRequest
  readonly source: Source
  /**
   * Sends a response through the machine: provisional, final, or for INVITE further 2xx. Retransmissions are absorbed and
   * answered by the layer. After the end of the transaction it does nothing.
   */
  respond(response: SipResponse): void
  /** CANCEL for this INVITE came in (it has been answered 200 by the layer). */
  onCancel: ((cancel: SipRequest) => void) | undefined
  /** No ACK came, or the transport failed, or the transaction is over. */
  onEnd: ((cause: 'done' | 'timeout' | 'transport') => void) | undefined
  /** True once a final response was handed in. */
  readonly answered: boolean
}

export interface ClientTransactionUser {
  /** Every response with a matching transaction; 2xx to INVITE more than once (RFC 6026). ACK for non-2xx is sent by the layer. */
  onResponse(response: SipResponse): void
  /** Timer B or F, or the transport: a proxy treats them as 408 and 503 (RFC 3261 §16.9). */
  onFailure(cause: 'timeout' | 'transport'): void
  /** The machine is gone. Exactly once. */
  onEnd?(): void
}

export interface ClientTransaction {
  /** The branch of its Via. */
  readonly branch: string
  /** Sends CANCEL when a provisional response has come, or as soon as one comes (RFC 3261 §9.1). Only for INVITE. */
  cancel(reason?: string): void
  /** Ends it silently; late responses become strays. */
  abandon(): void
}

export interface TransactionLayer {
  /** Puts a Via with a fresh branch on top of `request` and runs the client machine. */
  request(request: SipRequest, hop: Hop, user: ClientTransactionUser): ClientTransaction
  /** A request that started a server transaction. INVITEs have been answered 100 unless the user answers within 200 ms. */
  onRequest: ((transaction: ServerTransaction) => void) | undefined
  /** ACK for a 2xx: belongs to no transaction, must be forwarded by the proxy. */
  onAck: ((ack: SipRequest, source: Source) => void) | undefined
  /** A response whose top Via is ours but that matches no transaction: late 2xx; or one for another node of the ring. */
  onStrayResponse: ((response: SipResponse, source: Source) => void) | undefined
  /** Number of live transactions. */
  readonly size: number
  stop(): Promise<void>
  snapshot(): Record<string, unknown>
}
