/** The reference's texts of `/health`. */
import { errorAnswers, jsonAnswer, operation } from "../openapi.ts";
import { HealthSchema, StatusSchema } from "../schemas/server.ts";
import { HEALTH_EXAMPLE, STATUS_EXAMPLE } from "./examples.ts";

const FAILED = { ...STATUS_EXAMPLE, status: "failed" };

export const LIVE_DOC = operation({
  operationId: "live",
  tag: "Server",
  summary: "Is the process alive?",
  description: "Answers as long as the process does. Needs no token. Restart the process when this fails.",
  open: true,
  responses: { "200": jsonAnswer("It is.", StatusSchema, STATUS_EXAMPLE) },
});

export const READY_DOC = operation({
  operationId: "ready",
  tag: "Server",
  summary: "Can it take work?",
  description: "Needs no token. Send no work here while this answers 503.",
  open: true,
  responses: {
    "200": jsonAnswer("It can, perhaps with a part degraded.", StatusSchema, STATUS_EXAMPLE),
    "503": jsonAnswer("A part has failed, or the server is stopping.", StatusSchema, FAILED),
  },
});

export const HEALTH_DOC = operation({
  operationId: "health",
  tag: "Server",
  summary: "How is each part?",
  description: "Every part by name. A degraded part leaves the others working; a failed one answers 503.",
  responses: {
    "200": jsonAnswer("The server works.", HealthSchema, HEALTH_EXAMPLE),
    ...errorAnswers(["unauthorized", "forbidden", "origin_refused"]),
    "503": jsonAnswer("A part has failed, or the server is stopping.", HealthSchema, {
      ...HEALTH_EXAMPLE,
      status: "failed",
    }),
  },
});
