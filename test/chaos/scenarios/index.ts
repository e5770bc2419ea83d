import type { Scenario } from './contract.ts'
import { kill } from './kill.ts'

export const scenarios: readonly Scenario[] = [kill]
