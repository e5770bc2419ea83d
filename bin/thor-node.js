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
const { main } = await import('@thor-node/nodes')
await main(process.argv)
