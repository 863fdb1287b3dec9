/** Chooses a format by the `Accept` header. */

/** One entry of the header. */
interface Wish {
  readonly type: string;
  readonly weight: number;
  /** How exactly it names a type: `*` + `/*` 0, `text/*` 1, `text/html` 2. */
  readonly exactness: number;
}

/** Entries that are looked at; a header with more is nonsense. */
const MOST = 100;

/**
 * The offered type that is wanted most, the first of equals; undefined when none is wanted. Without the header it is the
 * first one. `offered`: types such as `text/html`.
 */
export function acceptedType<const T extends string>(accept: string | null, offered: readonly T[]): T | undefined {
  if (accept === null || accept.trim() === "") return offered[0];
  const wishes = accept.split(",", MOST).map(wishOf);
  let best: { readonly type: T; readonly weight: number } | undefined;
  for (const type of offered) {
    const weight = weightOf(type, wishes);
    if (weight > (best?.weight ?? 0)) best = { type, weight };
  }
  return best?.type;
}

function wishOf(entry: string): Wish {
  const [type = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith("q="));
  const weight = q === undefined ? 1 : Number(q.slice(2));
  const exactness = type === "*/*" ? 0 : type.endsWith("/*") ? 1 : 2;
  return { type, weight: Number.isFinite(weight) ? weight : 0, exactness };
}

/** The most exact entry counts, whatever its weight. */
function weightOf(type: string, wishes: readonly Wish[]): number {
  const [group] = type.split("/", 1);
  const fitting = wishes.filter((wish) => wish.type === type || wish.type === `${group}/*` || wish.type === "*/*");
  const exactness = Math.max(...fitting.map((wish) => wish.exactness));
  return Math.max(0, ...fitting.filter((wish) => wish.exactness === exactness).map(({ weight }) => weight));
}
