import { deriveKey, errorCode, Sealer } from '@thor-node/core'
import { EnumDirectory, EnumIndex, ZoneDirectory } from '@thor-node/dns'
import type { Overlay, RingIdentity } from '@thor-node/overlay'
import { AccountDirectory, Admins, KeptCopies } from '@thor-node/provision'
import { forgetDevices } from '../adapters/provision.ts'
import { AdminPassword } from '../admin-password.ts'
import { RingSettings } from '../ring-settings.ts'
import type { Context } from './context.ts'

export interface DirectoryParts {
  sealer: Sealer
  directory: AccountDirectory
  admins: Admins
  copies: KeptCopies
  adminPassword: AdminPassword
  settings: RingSettings
  /** Zones and ENUM numbers. */
  zones: ZoneDirectory
  numbers: EnumDirectory
  /** Numbers as this node serves them. */
  index: EnumIndex
}

/** What operators put into the ring: accounts, domains, administrators, settings of the whole ring. */
export function composeDirectory(context: Context, overlay: Overlay, ring: RingIdentity): DirectoryParts {
  const { clock, random, logger } = context
  const sealer = new Sealer(deriveKey(ring.secret, 'credentials'), random)
  const { store, ringClock } = overlay
  const index = new EnumIndex()
  const directory = new AccountDirectory(
    { store, sealer, clock, random, logger },
    { onAccountDeleted: (aor) => forgetDevices(store.soft, aor) },
  )
  const admins = new Admins({ store, clock, random, logger })
  const adminPassword = new AdminPassword({ reg: store.reg, sealer, admins, random })
  return {
    sealer,
    directory,
    admins,
    copies: new KeptCopies({ directory, admins, clock, logger }),
    adminPassword,
    settings: new RingSettings({ reg: store.reg }),
    zones: new ZoneDirectory({ store, clock: ringClock, random }),
    numbers: new EnumDirectory({ store, clock: ringClock, random, index }),
    index,
  }
}

/** What a new ring begins with: its domain and an administrator. May be repeated. */
export async function furnishRing(
  { directory, adminPassword, settings }: DirectoryParts,
  domain: string,
): Promise<void> {
  await directory.addDomain({ domain }).catch((error) => {
    if (errorCode(error) !== 'PROVISION_DOMAIN_EXISTS') throw error
  })
  await settings.setDomain(domain)
  if ((await adminPassword.read()) === undefined) await adminPassword.reset()
}
