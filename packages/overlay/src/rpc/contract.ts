import type { NodeId } from '../peers.ts'

export interface CallOptions {
  /** Default 2000. The caller gets `RPC_TIMEOUT` after it. */
  timeoutMs?: number
}

export interface ServeOptions {
  /**
   * Neither the caller nor the handler changes what was handed over, nor keeps bytes of it that are a piece of something larger: a
   * call to oneself then needs no copies.
   */
  asIs?: boolean
}

/** Answers one method. Its errors travel: a ThorError keeps its code at the caller. */
export type RpcHandler = (body: never, from: NodeId) => unknown

/**
 * Requests between members over one long-lived stream per pair. Bodies are plain data (msgpack). A call to oneself runs the
 * handler without the network. Errors: `RPC_TIMEOUT`, `RPC_NOT_CONNECTED`, `RPC_OVERLOADED`, `RPC_UNKNOWN_METHOD`,
 * or the code that the handler threw.
 */
export interface Rpc {
  call<A>(to: NodeId, method: string, body: unknown, options?: CallOptions): Promise<A>
  /** One way: no answer, no error, may be lost. */
  notify(to: NodeId, method: string, body: unknown): void
  /** One handler per method; registering a second one is a mistake of ours. */
  serve<Q, A>(method: string, handler: (body: Q, from: NodeId) => A | Promise<A>, options?: ServeOptions): void
}
