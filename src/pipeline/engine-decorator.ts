/** Engines that do some things in another way: who tells events, or tries again, stands between an engine and its users. */
import type { Engine } from "./results.ts";

/** The engine with some of its methods replaced. An engine may be an instance of a class, which a spread would empty. */
export function engineWith(engine: Engine, replaced: Partial<Engine>): Engine {
  return {
    run: (request) => engine.run(request),
    runVideo: (request) => engine.runVideo(request),
    aggregate: (pipeline, faces) => engine.aggregate(pipeline, faces),
    admit: (pipeline, parameters) => engine.admit(pipeline, parameters),
    pipelines: () => engine.pipelines(),
    pipeline: (name) => engine.pipeline(name),
    validate: (source, file) => engine.validate(source, file),
    health: () => engine.health(),
    drain: (timeoutMs) => engine.drain(timeoutMs),
    ...replaced,
  };
}
