/** Sums a check up in one line. */

/** Tests of the suite. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

/** Colours, where a terminal was promised to the test runner. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
const ANSI = /\x1b\[[0-9;]*m/g;

/**
 * Reads the counts `bun test` ends with. A run that failed without a failed test (a file that does not load, a crash)
 * counts as one failure, so that it can never look whole.
 */
export function testCounts(output: string, ok: boolean): TestCounts {
  const plain = output.replace(ANSI, "");
  const last = (word: string) => Number([...plain.matchAll(new RegExp(`^\\s*(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const passed = last("pass");
  const failed = last("fail");
  return { passed, failed: ok ? failed : Math.max(1, failed) };
}

/** The last line of a check: every step that failed, other than the suite, counts as one. */
export function verdictLine(counts: TestCounts, otherFailures: number): string {
  return `${counts.passed} passed, ${counts.failed + otherFailures} failed`;
}
