import type { Operation } from '../../schema/operation.ts'
import { addNumber, deleteNumber, getNumber, getNumbers, updateNumber } from './numbers.ts'
import { addRange, deleteRange, getRanges, updateRange } from './ranges.ts'

export const enumPort: readonly Operation[] = [
  ...[addRange, updateRange, deleteRange, getRanges],
  ...[addNumber, updateNumber, deleteNumber, getNumber, getNumbers],
]
