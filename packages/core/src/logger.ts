/** Fields are fields (`node`, `call`, `aor`), messages are short sentences. Never log credentials or message bodies. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  /** A child whose lines carry `component`, e.g. `sip:transaction`. */
  forComponent(component: string): Logger
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export const silentLogger: Logger = {
  forComponent: () => silentLogger,
  debug() {},
  info() {},
  warn() {},
  error() {},
}
