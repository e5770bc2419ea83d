/**
 * The settings of a node. The schema with docs, limits and defaults is in `config/schema.ts`, sources and their precedence
 * are in `config/load.ts`; docs/CONFIG.md is generated from the schema.
 */
export { formatDurationMs, type PortRange, parseDurationMs } from './config/fields.ts'
export {
  type LoadedConfig,
  loadConfig,
  type Source,
  type Surroundings,
  showSetting,
  systemSurroundings,
} from './config/load.ts'
export { type Config, type Field, fields } from './config/schema.ts'
