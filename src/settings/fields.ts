/**
 * The kinds of values settings have, as TypeBox schemas. Durations and sizes are texts in the file and numbers in
 * {@link Settings}; the schema holds both, so that nothing is written twice.
 */
import { Kind, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import ipaddr from "ipaddr.js";
import { formatDuration, formatPixels, formatSize, parseDuration, parsePixels, parseSize } from "./units.ts";

/** What every setting says of itself: shown in the settings file, in `docs/settings.md` and by `facewire config`. */
export interface Described {
  /** Sentences; the first one says what the setting is. */
  readonly description: string;
}

/** An amount with a unit, allowed from `least` to `most`, both written as users write them. */
interface AmountField extends Described {
  readonly default: string;
  readonly least: string;
  readonly most: string;
}

const strict = { additionalProperties: false } as const;

/** A group of settings; absent groups and keys get their defaults. */
export function section<P extends Record<string, TSchema>>(description: string, properties: P) {
  return Type.Object(properties, { ...strict, description, default: {} });
}

/** A duration; milliseconds in the settings. */
export const duration = (field: AmountField) =>
  amount("Facewire:Duration", "a duration", field, parseDuration, formatDuration);

/** A size; bytes in the settings. */
export const size = (field: AmountField) => amount("Facewire:Size", "a size", field, parseSize, formatSize);

/** A picture's area; pixels in the settings. */
export const pixels = (field: AmountField) => amount("Facewire:Pixels", "an area", field, parsePixels, formatPixels);

/** A file or folder; absolute in the settings. */
export function path(field: Described & { readonly default: string }) {
  return Type.String({ ...field, minLength: 1, expects: "a path", isPath: true });
}

/** Files or folders; absolute in the settings. */
export function paths(field: Described & { readonly default: readonly string[] }) {
  return Type.Array(Type.String({ minLength: 1, expects: "a path", isPath: true }), field);
}

/** Where a server listens. */
export interface ListenAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** `host:port`; the two parts in the settings. */
export function listenAddress(field: Described & { readonly default: string }) {
  const text = Type.Unsafe<string>({
    ...field,
    [Kind]: "Facewire:ListenAddress",
    type: "string",
    expects: "host:port, such as 127.0.0.1:8000 or [::1]:8000",
  });
  return Type.Transform(text)
    .Decode((value): ListenAddress => parseListen(value) ?? { host: "", port: 0 })
    .Encode(addressOf);
}

function addressOf({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
/** As {@link listenAddress}, or `off` for not listening at all. */
export function optionalListenAddress(field: Described & { readonly default: string }) {
  const text = Type.Unsafe<string>({
    ...field,
    [Kind]: "Facewire:OptionalListenAddress",
    type: "string",
    expects: "host:port, such as 127.0.0.1:5140, or off",
  });
  return Type.Transform(text)
    .Decode((value): ListenAddress | "off" => (value === "off" ? value : (parseListen(value) ?? "off")))
    .Encode((value) => (value === "off" ? value : addressOf(value)));
}
TypeRegistry.Set(
  "Facewire:OptionalListenAddress",
  (_schema, value) => value === "off" || parseListen(value) !== undefined,
);

TypeRegistry.Set("Facewire:ListenAddress", (_schema, value) => parseListen(value) !== undefined);

function parseListen(value: unknown): ListenAddress | undefined {
  const [, v6, host, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(String(value)) ?? [];
  const port = Number(digits);
  return port <= 65_535 ? { host: (v6 ?? host) as string, port } : undefined;
}

function amount(
  kind: string,
  noun: string,
  field: AmountField,
  parse: (text: string) => number,
  format: (amount: number) => string,
) {
  TypeRegistry.Set<AmountField>(kind, (schema, value) => {
    // NaN, which stands for a text that cannot be read, is not within any range.
    const read = typeof value === "string" ? parse(value) : Number.NaN;
    return read >= parse(schema.least) && read <= parse(schema.most);
  });
  const expects = `${noun} from ${field.least} to ${field.most}, such as ${field.default}`;
  const text = Type.Unsafe<string>({ ...field, [Kind]: kind, type: "string", expects });
  return Type.Transform(text).Decode(parse).Encode(format);
}

/** A range of addresses, such as `10.20.0.0/16`. */
export function addressRange() {
  return Type.Unsafe<string>({
    [Kind]: "Facewire:AddressRange",
    type: "string",
    expects: "a range of addresses, such as 10.20.0.0/16 or fd00::/8",
  });
}
TypeRegistry.Set("Facewire:AddressRange", (_schema, value) => typeof value === "string" && ipaddr.isValidCIDR(value));
