/** What is told of groups to those who count and log. Every method is called at once and must not throw. */

/** A member, in words. */
export interface MemberName {
  readonly member: string;
  readonly host: string;
  readonly pid: number;
  readonly groups: readonly string[];
}

/** See the file's head. */
export interface PlacementWatcher {
  memberJoined?(member: MemberName): void;
  /** It said so. */
  memberLeft?(member: MemberName): void;
  /** It ended or does not answer; `items` that it had in hand are tried elsewhere. */
  memberLost?(member: MemberName, cause: string, items: number): void;
  /** It cannot run a plan; told once for each reason. */
  planRefused?(member: MemberName, pipeline: string, reason: string): void;
  /** An item went to a process of the group. */
  sent?(group: string): void;
}
