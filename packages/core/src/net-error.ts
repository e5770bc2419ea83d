import { ThorError } from './errors.ts'
import { type Address, formatAddress } from './net.ts'

const bindErrors: Record<string, [code: string, remedy: string]> = {
  EADDRINUSE: ['NET_ADDRESS_IN_USE', 'another program uses it; stop that program or choose another port'],
  EACCES: ['NET_PERMISSION', 'ports below 1024 need root or CAP_NET_BIND_SERVICE'],
  EADDRNOTAVAIL: ['NET_ADDRESS_UNKNOWN', 'this machine does not have that address'],
}

/** What a failed bind becomes: a ThorError that says what to do. */
export function bindError(error: NodeJS.ErrnoException, protocol: 'udp' | 'tcp', bind: Address): ThorError {
  const [code, remedy] = bindErrors[error.code ?? ''] ?? ['NET_FAILED', error.message]
  return new ThorError(code, `cannot bind ${protocol} ${formatAddress(bind)}: ${remedy}`, { cause: error })
}
