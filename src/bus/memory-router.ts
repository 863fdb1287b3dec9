/** Which subscriptions of one process a subject goes to. */
import { hasWildcard, matches } from "./subject.ts";

/** What the router needs to know of a subscription. */
export interface Routed {
  readonly pattern: string;
  readonly group: string | undefined;
}

/** Finds receivers: by a table for plain subjects, one by one for patterns with wildcards. */
export class MemoryRouter<S extends Routed> {
  readonly #plain = new Map<string, S[]>();
  readonly #wild: { readonly tokens: readonly string[]; readonly subscription: S }[] = [];
  /** Counts group deliveries, so that members take turns. */
  #turn = 0;

  add(subscription: S): void {
    if (hasWildcard(subscription.pattern)) {
      this.#wild.push({ tokens: subscription.pattern.split("."), subscription });
      return;
    }
    const there = this.#plain.get(subscription.pattern);
    if (there) there.push(subscription);
    else this.#plain.set(subscription.pattern, [subscription]);
  }

  remove(subscription: S): void {
    if (hasWildcard(subscription.pattern)) {
      const at = this.#wild.findIndex((entry) => entry.subscription === subscription);
      if (at >= 0) this.#wild.splice(at, 1);
      return;
    }
    const there = this.#plain.get(subscription.pattern);
    const at = there?.indexOf(subscription) ?? -1;
    if (!there || at < 0) return;
    there.splice(at, 1);
    if (there.length === 0) this.#plain.delete(subscription.pattern);
  }

  /** Hands the subject to every subscription that should get it: all without a group, one of each group. Returns how many. */
  route(subject: string, hand: (subscription: S) => void): number {
    let count = 0;
    let groups: Map<string, S[]> | undefined;
    const visit = (subscription: S): void => {
      if (subscription.group === undefined) {
        count++;
        hand(subscription);
        return;
      }
      groups ??= new Map();
      const members = groups.get(subscription.group);
      if (members) members.push(subscription);
      else groups.set(subscription.group, [subscription]);
    };
    for (const subscription of this.#plain.get(subject) ?? []) visit(subscription);
    if (this.#wild.length > 0) {
      const tokens = subject.split(".");
      for (const entry of this.#wild) if (matches(entry.tokens, tokens)) visit(entry.subscription);
    }
    for (const members of groups?.values() ?? []) {
      count++;
      hand(members[this.#turn++ % members.length] as S);
    }
    return count;
  }
}
