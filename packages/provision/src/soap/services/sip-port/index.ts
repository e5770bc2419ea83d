import type { Operation } from '../../operation.ts'
import { addAccount, deleteAccount, getAccount, updateAccount } from './accounts.ts'
import { addAlias, deleteAlias, getAlias, getAliases, updateAlias } from './aliases.ts'
import { getCalls } from './calls.ts'
import { getSipDeviceLocations } from './device-locations.ts'
import { addDomain, deleteDomain, getDomains, updateDomain } from './domains.ts'
import { getAccounts } from './get-accounts.ts'
import { addToGroup, getGroups, removeFromGroup } from './groups.ts'

/** The SipPort. One more operation is one more file and one more name here. */
export const sipPort: readonly Operation[] = [
  ...[addDomain, updateDomain, deleteDomain, getDomains],
  ...[addAccount, updateAccount, deleteAccount, getAccount, getAccounts],
  ...[addAlias, updateAlias, deleteAlias, getAlias, getAliases],
  ...[addToGroup, removeFromGroup, getGroups],
  ...[getSipDeviceLocations, getCalls],
]
