import type { Operation } from '../../schema/operation.ts'
import { mediaOperations } from '../network.ts'
import { addAccount, deleteAccount, getAccount, updateAccount } from './accounts.ts'
import { addAlias, deleteAlias, getAlias, getAliases, updateAlias } from './aliases.ts'
import { getCallStatistics, getCalls } from './calls.ts'
import { addCarrier, deleteCarrier, getCarriers, updateCarrier } from './carriers.ts'
import { getSipDeviceLocations } from './device-locations.ts'
import { addDomain, deleteDomain, getDomains, updateDomain } from './domains.ts'
import { addGatewayRule, deleteGatewayRule, getGatewayRules, updateGatewayRule } from './gateway-rules.ts'
import { addGateway, deleteGateway, getGateways, updateGateway } from './gateways.ts'
import { getAccounts } from './get-accounts.ts'
import { addToGroup, getGroups, removeFromGroup } from './groups.ts'
import { addBalance, addBalanceFromVoucher, getCreditHistory, getPrepaidStatus } from './money.ts'
import { addPhonebookEntry, deletePhonebookEntry, getPhonebookEntries, updatePhonebookEntry } from './phonebook.ts'
import {
  getAcceptRules,
  getBarringPrefixes,
  getCallDiversions,
  getRejectMembers,
  setAcceptRules,
  setBarringPrefixes,
  setCallDiversions,
  setRejectMembers,
} from './preferences.ts'
import { addRoutes, deleteRoutes, getRoutes, updateRoutes } from './routes.ts'
import { addTrustedPeer, deleteTrustedPeer, getTrustedPeers, updateTrustedPeer } from './trusted-peers.ts'

/** The SipPort. One more operation is one more name here. */
export const sipPort: readonly Operation[] = [
  ...[addGateway, updateGateway, deleteGateway, getGateways],
  ...[addGatewayRule, updateGatewayRule, deleteGatewayRule, getGatewayRules],
  ...[addCarrier, updateCarrier, deleteCarrier, getCarriers],
  ...[addRoutes, updateRoutes, deleteRoutes, getRoutes],
  ...[addDomain, updateDomain, deleteDomain, getDomains],
  ...[addTrustedPeer, updateTrustedPeer, deleteTrustedPeer, getTrustedPeers],
  ...[addAccount, updateAccount, deleteAccount, getAccount, getAccounts],
  ...[addAlias, updateAlias, deleteAlias, getAlias, getAliases],
  ...[addToGroup, removeFromGroup, getGroups],
  ...[addBalance, addBalanceFromVoucher, getPrepaidStatus, getCreditHistory],
  ...[addPhonebookEntry, updatePhonebookEntry, deletePhonebookEntry, getPhonebookEntries],
  ...[setRejectMembers, getRejectMembers, setAcceptRules, getAcceptRules],
  ...[setBarringPrefixes, getBarringPrefixes, setCallDiversions, getCallDiversions],
  ...[getCalls, getCallStatistics, getSipDeviceLocations],
  ...mediaOperations,
]
