import type { DiskSpace } from '@thor-node/core'
import { conditionLimits } from './limits.ts'

/** Whether a disk counts as full, given that it did before or not. Pure. */
export function isFull(before: boolean, { freeBytes, totalBytes }: DiskSpace): boolean {
  const { freeBytesMin, freeShareMin, freeBytesEnough, roomAgainFactor } = conditionLimits
  const needed = Math.min(Math.max(freeBytesMin, freeShareMin * totalBytes), freeBytesEnough)
  return freeBytes < needed * (before ? roomAgainFactor : 1)
}
