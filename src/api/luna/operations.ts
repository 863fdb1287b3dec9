/** All operations of the API. */
import type { LunaContext } from "./context.ts";
import type { LunaOperation } from "./operation.ts";
import { accountsOperations } from "./routes/accounts.ts";
import { descriptorsOperations } from "./routes/descriptors.ts";
import { eventsOperations } from "./routes/events.ts";
import { handlersOperations } from "./routes/handlers.ts";
import { linkerOperations } from "./routes/linker.ts";
import { listsOperations } from "./routes/lists.ts";
import { livenessOperations } from "./routes/liveness.ts";
import { matchingOperations } from "./routes/matching.ts";
import { personsOperations } from "./routes/persons.ts";
import { portraitsOperations } from "./routes/portraits.ts";
import { rawOperations } from "./routes/raw.ts";
import { searchOperations } from "./routes/search.ts";
import { serviceOperations } from "./routes/service.ts";
import { tokensOperations } from "./routes/tokens.ts";

/** See the file's head. OPTIONS and HEAD are answered for each of their addresses. */
export function lunaOperations(context: LunaContext): readonly LunaOperation[] {
  return [
    accountsOperations,
    tokensOperations,
    descriptorsOperations,
    portraitsOperations,
    personsOperations,
    listsOperations,
    linkerOperations,
    matchingOperations,
    searchOperations,
    livenessOperations,
    handlersOperations,
    rawOperations,
    eventsOperations,
    serviceOperations,
  ].flatMap((part) => part(context));
}
