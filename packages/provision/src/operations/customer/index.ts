import type { Operation } from '../../schema/operation.ts'
import { addAccount, deleteAccount, getAccount, getCustomers, getResellers, updateAccount } from './accounts.ts'
import { getProperties, setProperties } from './properties.ts'

export const customerPort: readonly Operation[] = [
  ...[addAccount, updateAccount, deleteAccount, getAccount],
  ...[getCustomers, getResellers, setProperties, getProperties],
]
