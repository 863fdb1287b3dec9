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

/** Lines that are repeated of one failed test. */
const MOST_LINES = 60;
/** How the line of a test begins, without colours and with them. */
const OUTCOME = /^(?:\((?:pass|fail|skip|todo)\)|[✓✗»✎]) /u;
const FAILED = /^(?:\(fail\)|✗) /u;

/**
 * What `bun test` printed of each failed test, up to the line that says so: whoever sees only the end of a long log needs it there.
 */
export function failures(output: string): readonly string[] {
  const lines = output.replace(ANSI, "").split("\n");
  // Behind the last test come the counts, with the names of failed ones once more.
  const end = lines.findLastIndex((line) => /^\d+ tests? failed:$/.test(line));
  const told = end < 0 ? lines : lines.slice(0, end);
  return told.flatMap((line, at) => {
    if (!FAILED.test(line)) return [];
    const before = told.findLastIndex((other, place) => place < at && OUTCOME.test(other));
    return told
      .slice(Math.max(before + 1, at - MOST_LINES), at + 1)
      .join("\n")
      .trim();
  });
}

/** The last line of a check: every step that failed, other than the suite, counts as one. */
export function verdictLine(counts: TestCounts, otherFailures: number): string {
  return `${counts.passed} passed, ${counts.failed + otherFailures} failed`;
}
