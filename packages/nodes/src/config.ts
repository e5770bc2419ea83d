/**
 * The settings of a node. Schema, units, defaults and docs are in `config/schema.ts`, sources and their precedence in
 * `config/load.ts`.
 */
export type { Config } from './config/schema.ts'
