/** A CommonJS package as one script for a browser page: its modules and those it requires, in a table. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'

/** A package may name another main file for browsers (`"browser"` in its package.json). */
function browserFile(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) continue
    const { browser, main = 'index.js' } = JSON.parse(readFileSync(manifest, 'utf8'))
    return typeof browser === 'string' && join(folder, main) === file ? join(folder, browser) : file
  }
  return file
}

/** With a slash a package is found that has the name of a module of Node (`events`). */
const find = (name: string, from: string): string =>
  browserFile(createRequire(from).resolve(isBuiltin(name) ? `${name}/` : name))

/**
 * A script that puts what `name` exports at `globalThis[global]`. Modules are found by the text `require('…')`, so a
 * package that computes names cannot be served so.
 */
export function pageScript(name: string, global: string): string {
  const entry = find(name, import.meta.filename)
  const modules = new Map<string, string>()
  const take = (file: string): void => {
    if (modules.has(file)) return
    modules.set(file, '')
    const text = readFileSync(file, 'utf8')
    if (file.endsWith('.json')) {
      modules.set(file, `module.exports = ${text}`)
      return
    }
    const pointed = text.replace(/\brequire\((['"])([^'"]+)\1\)/g, (_whole, _quote, wanted: string) => {
      const found = find(wanted, file)
      take(found)
      return `require(${JSON.stringify(found)})`
    })
    modules.set(file, pointed)
  }
  take(entry)
  const table = [...modules].map(([file, text]) => `${JSON.stringify(file)}: (module, exports, require) => {${text}\n}`)
  return `globalThis[${JSON.stringify(global)}] = (() => {
const table = {${table.join(',\n')}}
const made = {}
const require = (file) => {
  if (!made[file]) {
    made[file] = { exports: {} }
    table[file](made[file], made[file].exports, require)
  }
  return made[file].exports
}
return require(${JSON.stringify(entry)})
})()`
}
