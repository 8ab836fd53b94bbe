/**
 * What the server knows of its own routes: their templates and methods, so that a known address asked with
 * another method is told which ones there are. What a request names beyond that is never echoed or logged.
 */
interface Route {
  readonly template: string;
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

export class RouteTable {
  readonly #routes = new Map<string, Route>();

  add(template: string, methods: readonly string[]): void {
    const known = this.#routes.get(template);
    const route = known ?? { template, pattern: patternOf(template), methods: new Set<string>() };
    for (const method of methods) route.methods.add(method);
    this.#routes.set(template, route);
  }

  /** @param path the request's path, without the query */
  find(path: string): { readonly template: string; readonly methods: readonly string[] } | undefined {
    for (const { template, pattern, methods } of this.#routes.values()) {
      if (pattern.test(path)) return { template, methods: [...methods].sort() };
    }
    return undefined;
  }
}

function patternOf(template: string): RegExp {
  const source = template
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]*' : part.replace(/[^A-Za-z0-9_-]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}$`);
}

/** The path of a request target, origin-form or absolute-form (RFC 9112 §3.2), without the query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const hash = target.indexOf('#');
  const end = query === -1 || (hash !== -1 && hash < query) ? hash : query;
  const path = end === -1 ? target : target.slice(0, end);
  return path.startsWith('/') ? path : path.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/, '');
}

/** The query of a request target, as it came. */
export function searchOf(target: string): string {
  const start = target.indexOf('?');
  return start === -1 ? '' : target.slice(start + 1);
}

export function isDecodable(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
