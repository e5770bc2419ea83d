/** What can be asked of a node about who is refused and who is trusted. Part of `NodeOperations`. */

export interface BlockView {
  /** An IP address, the /64 of an IPv6 address, or an account. */
  name: string
  cause: 'failed-logins' | 'scanner' | 'operator'
  /** Epoch milliseconds. */
  since: number
  secondsLeft: number
  /** It gets no answers. */
  silent: boolean
  /** Requests of it that this node refused. */
  refused: number
}

export interface GuardContract {
  /** Blocks of the whole ring; counts are of the node that was asked. */
  guardList(): Promise<{ blocks: BlockView[] }>
  /** Ends a block on all nodes. Rejects with `NODE_NOT_BLOCKED`. */
  guardUnblock(query: { name: string }): Promise<{ unblocked: string }>
  /** Blocks a source or an account on all nodes, for the time of a first block. */
  guardBlock(query: { name: string }): Promise<{ blocked: string }>
}
