/**
 * Rings that are larger than those we run: evenness and moves of placement, traffic of membership, memory, in figures and
 * curves (docs/pictures), with formulas that are checked against what was measured. Real placement and real membership,
 * memory network, simulated time; connections over real libp2p.
 *
 *   node bench/large-rings.ts [--only placement,gossip,memory] [--sizes 10,30,64,100,200] [--seeds 8] [--write]
 *
 * Prints JSON; `--write` also writes docs/pictures/large-rings-*.svg and large-rings.json.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { charts, checkRules, type Results } from './large-rings-charts.ts'
import { measureGossip } from './large-rings-gossip.ts'
import { measureMemory } from './large-rings-memory.ts'
import { measurePlacement } from './large-rings-placement.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'placement,gossip,memory' },
    sizes: { type: 'string', default: '10,30,64,100,200' },
    seeds: { type: 'string', default: '8' },
    write: { type: 'boolean', default: false },
  },
})
const only = new Set(values.only.split(','))
const sizes = values.sizes.split(',').map(Number)

const results = {
  ...(only.has('placement') && { placement: measurePlacement([3, 5, 10, 30, 100, 300, 1000], Number(values.seeds)) }),
  ...(only.has('gossip') && { gossip: await measureGossip(sizes) }),
  ...(only.has('memory') && { memory: await measureMemory() }),
}
console.log(JSON.stringify(results, null, 2))

if (values.write) {
  const pictures = resolve(import.meta.dirname, '../docs/pictures')
  const file = join(pictures, 'large-rings.json')
  // What was not measured this time stays as it was.
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const merged: Results = { ...known, ...results }
  if (merged.gossip) merged.rules = checkRules(merged.gossip)
  writeFileSync(file, `${JSON.stringify(merged, null, 1)}\n`)
  for (const [name, svg] of Object.entries(charts(merged)))
    writeFileSync(join(pictures, `large-rings-${name}.svg`), svg)
}
