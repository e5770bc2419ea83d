import type { HttpMethod, Operation } from '../schema/operation.ts'

interface Route {
  operation: Operation
  names: readonly string[]
  pattern: RegExp
}

export type Routed =
  | { operation: Operation; path: Record<string, string> }
  /** There is the path, but not with this method. */
  | { allow: readonly HttpMethod[] }

/** Finds operations by method and path. */
export class Router {
  readonly #routes: readonly Route[]

  constructor(operations: readonly Operation[]) {
    this.#routes = operations.map((operation) => {
      const names = [...operation.rest.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name as string)
      const pattern = operation.rest.path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '([^/]+)')
      return { operation, names, pattern: new RegExp(`^${pattern}$`) }
    })
  }

  /** Undefined: there is no such path. Parts of a path that are not well escaped are none either. */
  find(method: string, path: string): Routed | undefined {
    const allow: HttpMethod[] = []
    for (const { operation, names, pattern } of this.#routes) {
      const match = pattern.exec(path)
      if (!match) continue
      if (operation.rest.method !== method) {
        allow.push(operation.rest.method)
        continue
      }
      try {
        const entries = names.map((name, index): [string, string] => [
          name,
          decodeURIComponent(match[index + 1] as string),
        ])
        return { operation, path: Object.fromEntries(entries) }
      } catch {
        return undefined
      }
    }
    return allow.length > 0 ? { allow: [...new Set(allow)] } : undefined
  }
}
