#!/usr/bin/env node
// The one command. Plain JavaScript on purpose: it must parse on old runtimes, to say what to do about them.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `thor-node needs Node.js 24, this is ${process.versions.node}. ` +
      'Run it as "npx thor-node" inside the project: npm ci has put the right runtime into node_modules/.bin.',
  )
  process.exit(78)
}
// A node under load makes much that is gone a moment later: with room for it, less of it is copied before it is collected, and what
// lived long at the start is no sign of what will (V8 would make its like old at once, to be collected with everything else). Both
// can only be said at the start, so the process begins anew, under the same pid.
const YOUNG = '--max-semi-space-size'
const isSet = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) => option.includes(YOUNG))
if (process.argv[2] === 'join' && !isSet && process.execve && process.platform !== 'win32') {
  const node = [process.execPath, `${YOUNG}=32`, '--no-allocation-site-pretenuring', ...process.execArgv]
  process.execve(process.execPath, [...node, ...process.argv.slice(1)], process.env)
}
// Compiled modules are kept beside this file: the next start takes half the time. Where that may not be written, nothing is kept.
const { enableCompileCache } = await import('node:module')
enableCompileCache(`${import.meta.dirname}/node_modules/.cache`)
const { main } = await import('@thor-node/nodes')
await main(process.argv)
