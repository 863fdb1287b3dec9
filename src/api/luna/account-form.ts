/** What an account is made of, wherever one is made. */
import { Type } from "@sinclair/typebox";
import { closed, text } from "./json-body.ts";

/** As browsers check it; the server sends no mail. */
const Email = Type.String({
  maxLength: 64,
  pattern: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*$",
  expects: "an e-mail address of at most 64 characters",
});

export const NewAccount = closed({
  organization_name: text({ most: 128 }),
  email: Email,
  password: text({ least: 8, most: 32 }),
});
