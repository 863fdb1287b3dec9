/** Knows which methods and addresses an API has, to tell a wrong method from a wrong address. */
import { nearest } from "../yaml/nearest.ts";

interface KnownRoute {
  readonly path: string;
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** The addresses of an API with their methods. */
export class RoutesMap {
  readonly #routes: readonly KnownRoute[];

  /** `routes`: method and path pattern (`/v1/pipelines/:name`) of each. Patterns with `*` are left out. */
  constructor(routes: readonly { readonly method: string; readonly path: string }[]) {
    const byPath = new Map<string, KnownRoute>();
    for (const { method, path } of routes) {
      if (path.includes("*")) continue;
      const known = byPath.get(path) ?? { path, pattern: patternOf(path), methods: new Set(["OPTIONS"]) };
      known.methods.add(method);
      if (method === "GET") known.methods.add("HEAD");
      byPath.set(path, known);
    }
    this.#routes = [...byPath.values()];
  }

  /**
   * All methods a path takes, in alphabetical order, and the pattern of the address that takes this one (the first that
   * fits the path when none does); undefined when nothing is there.
   */
  at(path: string, method: string): { readonly route: string; readonly methods: readonly string[] } | undefined {
    const fitting = this.#routes.filter(({ pattern }) => pattern.test(path));
    const route = fitting.find(({ methods }) => methods.has(method)) ?? fitting[0];
    return route && { route: route.path, methods: [...new Set(fitting.flatMap((each) => [...each.methods]))].sort() };
  }

  /** The known path that was most likely meant, with the asked-for names in the places of its parameters. */
  nearest(path: string): string | undefined {
    const asked = path.replace(/\/$/, "").split("/");
    const candidates = this.#routes.map((route) => {
      const steps = route.path.split("/");
      if (steps.length !== asked.length) return route.path;
      return steps.map((step, at) => (step.startsWith(":") ? asked[at] || step : step)).join("/");
    });
    return nearest(path, candidates);
  }
}

/** Parameters match one step; a slash at the end is allowed, as the router allows it. */
function patternOf(path: string): RegExp {
  const steps = path.split("/").map((step) => (step.startsWith(":") ? "[^/]+" : RegExp.escape(step)));
  return new RegExp(`^${steps.join("/")}/?$`);
}
