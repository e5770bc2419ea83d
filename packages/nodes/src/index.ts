/**
 * The process: settings, composition of the roles, command line, control socket, DNS.
 *
 *     await main(process.argv)
 *
 * @module
 */
export { type Config, loadConfig } from './config.ts'
export { connectControl } from './control/client.ts'
export type * from './control/contract.ts'
export { main } from './main.ts'
