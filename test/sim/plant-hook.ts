/** Loaded before a run with THOR_SIM_PLANT=NAME: changes the text of modules while they are loaded. */
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plant, plants } from './plants.ts'

const plant = plants[process.env.THOR_SIM_PLANT ?? ''] as Plant
const root = resolve(import.meta.dirname, '../..')
const planted = new Set<string>()

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.startsWith('file:')) return loaded
    const path = fileURLToPath(url)
    const changes = plant.changes.filter(({ file }) => path === resolve(root, file))
    if (changes.length === 0) return loaded
    let text = Buffer.from(loaded.source as Uint8Array).toString()
    for (const { file, find, replace } of changes) {
      if (text.split(find).length !== 2) throw new Error(`the plant no longer fits ${file}: ${find}`)
      text = text.replace(find, () => replace)
      planted.add(`${file} ${find}`)
    }
    return { ...loaded, source: text }
  },
})

process.on('exit', (code) => {
  if (planted.size === plant.changes.length) return
  console.error('the plant was not planted: its file was not loaded')
  process.exitCode = code || 3
})
