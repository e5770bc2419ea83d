import type { Operation } from '../operation.ts'
import { sipPort } from './sip-port/index.ts'

/** Every operation of every port. */
export const operations: readonly Operation[] = [...sipPort]
