/** The reference's text of `GET /v1/models`. */
import { errorAnswers, jsonAnswer, operation } from "../openapi.ts";
import { ModelListSchema } from "../schemas/server.ts";
import { MODELS_EXAMPLE } from "./examples.ts";

export const MODELS_DOC = operation({
  operationId: "listModels",
  tag: "Models",
  summary: "List the models",
  description: "The model cards: what each is for, its licence and measured accuracy, and whether its file is there.",
  responses: {
    "200": jsonAnswer("The models, by name.", ModelListSchema, MODELS_EXAMPLE),
    ...errorAnswers(["request_invalid", "unauthorized", "forbidden", "origin_refused"]),
  },
});
