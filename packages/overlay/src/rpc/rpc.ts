import assert from 'node:assert/strict'
import { type Clock, errorCode, errorMessage, type Logger, ThorError, type Timer, TimerQueue } from '@thor-node/core'
import { rpcLimits } from '../limits.ts'
import type { NodeId, PeerListener, PeerNet } from '../peers.ts'
import type { CallOptions, Rpc, ServeOptions } from './contract.ts'
import { copyBody, decode, encode } from './messages.ts'

export interface PeerRpcComponents {
  peers: PeerNet
  clock: Clock
  log: Logger
}

export interface PeerRpcInit {
  callsPerPeerMax?: number
  handlersPerPeerMax?: number
  handlerBytesPerPeerMax?: number
  frameBytesMax?: number
}

interface Pending {
  resolve(body: unknown): void
  reject(error: ThorError): void
  timer: Timer
}

interface Handler extends ServeOptions {
  run(body: unknown, from: NodeId): unknown
}

/** News of connections, for those who share the network with the RPC. */
export interface PeerEvents {
  onConnected(listener: (peer: NodeId) => void): () => void
  onDisconnected(listener: (peer: NodeId) => void): () => void
}

/**
 * RPC over any PeerNet. Takes the network's listener for itself and passes connection news on. Adds to the errors of the
 * contract: `RPC_TOO_LARGE` (request or answer above the frame limit), `RPC_FAILED` (the handler threw something without a
 * code; the details stay in the log of the node that ran it).
 */
export class PeerRpc implements Rpc, PeerEvents {
  readonly #peers: PeerNet
  readonly #log: Logger
  readonly #limits: Required<PeerRpcInit>
  readonly #handlers = new Map<string, Handler>()
  /** By peer, then by request id. */
  readonly #pending = new Map<NodeId, Map<number, Pending>>()
  readonly #running = new Map<NodeId, { count: number; bytes: number }>()
  readonly #connected = new Set<(peer: NodeId) => void>()
  readonly #disconnected = new Set<(peer: NodeId) => void>()
  readonly #timeouts: TimerQueue
  #nextId = 1

  constructor(components: PeerRpcComponents, init: PeerRpcInit = {}) {
    this.#peers = components.peers
    this.#timeouts = new TimerQueue(components, {
      onError: (error) => this.#log.error('a time-out failed', { error }),
      waitMsMax: rpcLimits.stoodStillMs,
    })
    this.#log = components.log.forComponent('overlay:rpc')
    this.#limits = {
      callsPerPeerMax: init.callsPerPeerMax ?? rpcLimits.callsPerPeerMax,
      handlersPerPeerMax: init.handlersPerPeerMax ?? rpcLimits.handlersPerPeerMax,
      handlerBytesPerPeerMax: init.handlerBytesPerPeerMax ?? rpcLimits.handlerBytesPerPeerMax,
      frameBytesMax: init.frameBytesMax ?? rpcLimits.frameBytesMax,
    }
    const listener: PeerListener = {
      onFrame: (from, frame) => this.#onFrame(from, frame),
      onConnected: (peer) => this.#tell(this.#connected, peer),
      onDisconnected: (peer) => {
        this.#failAll(peer)
        this.#tell(this.#disconnected, peer)
      },
    }
    this.#peers.listener = listener
  }

  async call<A>(to: NodeId, method: string, body: unknown, options: CallOptions = {}): Promise<A> {
    const timeoutMs = options.timeoutMs ?? rpcLimits.defaultTimeoutMs
    const calls = this.#callsTo(to)
    if (calls.size >= this.#limits.callsPerPeerMax) {
      throw new ThorError('RPC_OVERLOADED', `${calls.size} calls to ${to} wait for an answer already`)
    }
    const id = this.#nextId++
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = this.#timeouts.after(timeoutMs, () => {
        calls.delete(id)
        reject(new ThorError('RPC_TIMEOUT', `${method} at ${to} gave no answer in ${timeoutMs} ms`))
      })
      calls.set(id, { resolve, reject, timer })
    })
    try {
      if (to === this.#peers.self) this.#callSelf(id, method, body)
      else this.#send(to, encode({ type: 'request', id, method, body }), method)
    } catch (error) {
      this.#take(to, id)
      throw error
    }
    return (await answer) as A
  }

  notify(to: NodeId, method: string, body: unknown): void {
    if (to === this.#peers.self) {
      const copy = copyBody(body)
      queueMicrotask(() => this.#runNotification(to, method, copy))
      return
    }
    const frame = encode({ type: 'notification', method, body })
    if (frame.length <= this.#limits.frameBytesMax) this.#peers.send(to, frame)
    else this.#log.warn('a notification is too large', { to, method, bytes: frame.length })
  }

  serve<Q, A>(method: string, handler: (body: Q, from: NodeId) => A | Promise<A>, options: ServeOptions = {}): void {
    assert(!this.#handlers.has(method), `${method} is served already`)
    assert(method.length <= rpcLimits.methodCharsMax, `${method} is too long a name`)
    this.#handlers.set(method, { run: handler as Handler['run'], ...options })
  }

  onConnected(listener: (peer: NodeId) => void): () => void {
    this.#connected.add(listener)
    return () => void this.#connected.delete(listener)
  }

  onDisconnected(listener: (peer: NodeId) => void): () => void {
    this.#disconnected.add(listener)
    return () => void this.#disconnected.delete(listener)
  }

  /** Calls that wait for an answer and handlers that run, by peer. */
  snapshot(): { peer: NodeId; calls: number; handlers: number }[] {
    const peers = new Set([...this.#pending.keys(), ...this.#running.keys()])
    return [...peers].map((peer) => ({
      peer,
      calls: this.#pending.get(peer)?.size ?? 0,
      handlers: this.#running.get(peer)?.count ?? 0,
    }))
  }

  #callsTo(peer: NodeId): Map<number, Pending> {
    let calls = this.#pending.get(peer)
    if (!calls) {
      calls = new Map()
      this.#pending.set(peer, calls)
    }
    return calls
  }

  #take(peer: NodeId, id: number): Pending | undefined {
    const calls = this.#pending.get(peer)
    const pending = calls?.get(id)
    pending?.timer.cancel()
    calls?.delete(id)
    return pending
  }

  #failAll(peer: NodeId): void {
    const calls = this.#pending.get(peer)
    if (!calls) return
    this.#pending.delete(peer)
    for (const pending of calls.values()) {
      pending.timer.cancel()
      pending.reject(new ThorError('RPC_NOT_CONNECTED', `the connection to ${peer} was lost`))
    }
  }

  #send(to: NodeId, frame: Uint8Array, method: string): void {
    if (frame.length > this.#limits.frameBytesMax) {
      throw new ThorError('RPC_TOO_LARGE', `${method}: ${frame.length} bytes, ${this.#limits.frameBytesMax} allowed`)
    }
    if (this.#peers.send(to, frame)) return
    if (this.#peers.isConnected(to)) throw new ThorError('RPC_OVERLOADED', `too much waits to be sent to ${to}`)
    throw new ThorError('RPC_NOT_CONNECTED', `no connection to ${to}`)
  }

  #callSelf(id: number, method: string, body: unknown): void {
    const { self } = this.#peers
    const copied = this.#handlers.get(method)?.asIs ? asItIs : copyBody
    const copy = copied(body)
    queueMicrotask(() => {
      void this.#run(self, method, copy).then((outcome) => {
        const pending = this.#take(self, id)
        if ('code' in outcome) {
          pending?.reject(new ThorError(outcome.code, outcome.message))
          return
        }
        try {
          pending?.resolve(copied(outcome.body))
        } catch (cause) {
          pending?.reject(new ThorError('RPC_FAILED', `${method}: the answer is not plain data`, { cause }))
        }
      })
    })
  }

  #onFrame(from: NodeId, frame: Uint8Array): void {
    const message = decode(frame)
    if (!message) {
      this.#log.warn('a frame that is no message of this version', { from, bytes: frame.length })
      return
    }
    switch (message.type) {
      case 'request':
        void this.#answer(from, message.id, message.method, message.body, frame.length)
        return
      case 'answer':
        this.#take(from, message.id)?.resolve(message.body)
        return
      case 'failure':
        this.#take(from, message.id)?.reject(new ThorError(message.code, message.message))
        return
      case 'notification':
        this.#runNotification(from, message.method, message.body, frame.length)
    }
  }

  async #answer(from: NodeId, id: number, method: string, body: unknown, bytes: number): Promise<void> {
    const outcome = await this.#run(from, method, body, bytes)
    try {
      if ('body' in outcome) this.#send(from, encode({ type: 'answer', id, body: outcome.body }), method)
      else this.#send(from, encode({ type: 'failure', id, ...outcome }), method)
    } catch (error) {
      // Without a connection there is nobody to tell; anything else is about this answer.
      if (errorCode(error) === 'RPC_NOT_CONNECTED' || errorCode(error) === 'RPC_OVERLOADED') return
      const code = errorCode(error) === 'RPC_TOO_LARGE' ? 'RPC_TOO_LARGE' : 'RPC_FAILED'
      this.#peers.send(from, encode({ type: 'failure', id, code, message: errorMessage(error) }))
    }
  }

  #runNotification(from: NodeId, method: string, body: unknown, bytes = 0): void {
    void this.#run(from, method, body, bytes).then((outcome) => {
      if ('code' in outcome) this.#log.debug('a notification failed', { from, method, code: outcome.code })
    })
  }

  /** Never throws, whatever the handler does. */
  async #run(
    from: NodeId,
    method: string,
    body: unknown,
    bytes = 0,
  ): Promise<{ body: unknown } | { code: string; message: string }> {
    const handler = this.#handlers.get(method)
    if (!handler) return { code: 'RPC_UNKNOWN_METHOD', message: `this node does not serve ${method.slice(0, 100)}` }
    const running = this.#running.get(from) ?? { count: 0, bytes: 0 }
    if (running.count >= this.#limits.handlersPerPeerMax || running.bytes >= this.#limits.handlerBytesPerPeerMax) {
      return { code: 'RPC_OVERLOADED', message: `${running.count} requests of this peer run already` }
    }
    this.#running.set(from, running)
    running.count++
    running.bytes += bytes
    try {
      return { body: await handler.run(body, from) }
    } catch (error) {
      if (error instanceof ThorError) {
        return { code: error.code, message: error.message.slice(0, rpcLimits.errorMessageCharsMax) }
      }
      this.#log.error('a handler failed', { method, from, error })
      return { code: 'RPC_FAILED', message: `${method} failed: ${errorMessage(error).slice(0, 200)}` }
    } finally {
      running.count--
      running.bytes -= bytes
      if (running.count === 0) this.#running.delete(from)
    }
  }

  #tell(listeners: ReadonlySet<(peer: NodeId) => void>, peer: NodeId): void {
    for (const listener of [...listeners]) {
      try {
        listener(peer)
      } catch (error) {
        this.#log.error('a listener failed', { peer, error })
      }
    }
  }
}

const asItIs = (body: unknown): unknown => body
