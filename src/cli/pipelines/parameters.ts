/** `--parameter name=value`: parameters of a pipeline as they are typed on a command line. */
import { Option } from "commander";
import { FacewireError } from "../../errors.ts";
import type { ParameterDeclarations, ParameterValues } from "../../pipeline/parameters.ts";

/** The option; it may be given several times. */
export function parameterOption(): Option {
  return new Option(
    "--parameter <name=value>",
    "value of a parameter that the pipeline declares; may be given several times",
  ).argParser<readonly string[]>((text, before = []) => [...before, text]);
}

/**
 * The values of such texts, each of the type its parameter is declared with; whether they fit is for the engine to say, and
 * what is not declared is handed on as it is. Throws `usage` for what is no name with a value, and for a name twice.
 */
export function parametersOf(texts: readonly string[], declared: ParameterDeclarations): ParameterValues {
  const values: [string, boolean | number | string][] = [];
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new FacewireError("usage", `--parameter ${text} is not name=value, such as attributes=true.`);
    const name = text.slice(0, at);
    if (values.some(([other]) => other === name))
      throw new FacewireError("usage", `--parameter ${name} is given twice.`);
    const declaration = Object.hasOwn(declared, name) ? declared[name] : undefined;
    values.push([name, typedValue(text.slice(at + 1), declaration?.type)]);
  }
  return Object.fromEntries(values);
}

/** A text that is none of its type stays a text, which no such parameter takes. */
function typedValue(text: string, type: "boolean" | "number" | "string" | undefined): boolean | number | string {
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type === "number" && /^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text);
  return text;
}
