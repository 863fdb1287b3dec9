/** The native API as an Elysia app, and what it asks of its callers. */
import { Elysia } from "elysia";
import { FacewireError } from "../../errors.ts";
import type { AccessGuard, Requirement } from "../access.ts";
import { exchangeOf } from "../exchange.ts";
import type { Dialect } from "../gateway.ts";
import { RoutesMap } from "../routes-map.ts";
import type { NativeContext } from "./context.ts";
import { errorAnswer, frameworkError } from "./errors.ts";
import { referenceDocument } from "./reference.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/models.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { referenceRoutes } from "./routes/reference.ts";
import { runRoute } from "./routes/run.ts";

/** The app with all routes. `version`: of the program, shown in the reference. */
function nativeApp(context: NativeContext, version: string) {
  // Host names of three letters and less are valid, such as `api` in a container network.
  const app = new Elysia({ name: "native", handler: { standardHostname: false } })
    .use(referenceRoutes())
    .use(pipelineRoutes(context))
    .use(runRoute(context))
    .use(jobRoutes(context))
    .use(modelRoutes(context))
    .use(deadLetterRoutes(context))
    .use(eventRoutes(context))
    .use(healthRoutes(context))
    .use(metricsRoute(context));
  return app.use(referenceDocument(app, version));
}

/** The native dialect for a gateway. `guard`: who may use it. */
export function nativeDialect(context: NativeContext, version: string, guard: AccessGuard): Dialect {
  const app = new Elysia({ handler: { standardHostname: false } })
    .onError(({ code, error, request }) => {
      const exchange = exchangeOf(request);
      exchange.error = code === "NOT_FOUND" ? notFound(routes, exchange.path) : frameworkError(code, error);
      return errorAnswer(exchange.error, exchange);
    })
    .use(nativeApp(context, version));
  const routes = new RoutesMap(app.routes);
  return {
    route: (method, path) => routes.at(path, method)?.route,
    async admit(request, exchange) {
      const caller = await guard.check(request, requirement(exchange.method, exchange.path));
      if (caller.kind === "token") exchange.token = caller.name;
    },
    answer: errorAnswer,
    async handle(request) {
      const exchange = exchangeOf(request);
      checkEscapes(exchange.path);
      const found = routes.at(exchange.path, request.method);
      if (!found) throw notFound(routes, exchange.path);
      if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: allow(found.methods) });
      if (!found.methods.includes(request.method)) throw methodNotAllowed(request.method, found.methods);
      return app.handle(request);
    },
  };
}

/** Probes and the reference's page are for everybody: they hold nothing of a user's. */
const OPEN_PATHS = /^\/(health\/(live|ready)|swagger(\/.*)?)\/?$/;

/** A letter may hold somebody's face: its input and what comes of a retry are for those who may do everything. */
const DEAD_LETTER_PATHS = /^\/v1\/dead-letters(\/|$)/;

function requirement(method: string, path: string): Requirement {
  if (OPEN_PATHS.test(path)) return "none";
  const looks = method === "GET" || method === "HEAD" || method === "OPTIONS";
  if (DEAD_LETTER_PATHS.test(path) && (!looks || /\/input\/?$/.test(path))) return "admin";
  return looks ? "read" : "run";
}

/** The router gives a parameter it cannot decode as null. */
function checkEscapes(path: string): void {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    throw new FacewireError("request_invalid", "The address holds a broken percent escape.", { cause });
  }
}

function allow(methods: readonly string[]): { allow: string } {
  return { allow: methods.join(", ") };
}

function notFound(routes: RoutesMap, path: string): FacewireError {
  const near = routes.nearest(path);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return new FacewireError("not_found", `There is nothing at this address.${hint}`, {
    details: { path: path.slice(0, 200), ...(near === undefined ? {} : { nearest: near }) },
  });
}

function methodNotAllowed(method: string, allowed: readonly string[]): FacewireError {
  return new FacewireError("method_not_allowed", `This address does not take ${method.slice(0, 20)}.`, {
    details: { method: method.slice(0, 20), allowed },
  });
}
