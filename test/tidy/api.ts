/** Writes docs/API.md from the table of operations; a test compares the two. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { writeReference } from '@thor-node/provision'

writeFileSync(resolve(import.meta.dirname, '../../docs/API.md'), writeReference())
