/** Settings with secrets in all places that hold some; each is or holds `s3cret`. */
import type { WrittenSettings } from "../../../src/settings/schema.ts";

export const SECRET_SETTINGS: WrittenSettings = {
  nats: { token: "s3cret", url: "nats://user:s3cret@127.0.0.1:4222" },
  observe: { traces: { headers: { authorization: "Bearer s3cret" } } },
};
