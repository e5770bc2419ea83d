/** Optional everywhere (`components.metrics?.`). Names are `thor_<package>_<what>_<unit>`. */
export interface Counter {
  add(amount?: number): void
}

export interface Metrics {
  counter(name: string, help: string): Counter
  /** Read when somebody looks. */
  gauge(name: string, help: string, read: () => number): void
}
