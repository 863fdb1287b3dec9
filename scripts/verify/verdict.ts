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

/** Lines that are repeated of one failure, and in the end of a run that says of none what it was. */
const MOST_LINES = 60;
/** How the line of a test begins, without colours and with them. */
const OUTCOME = /^(?:\((?:pass|fail|skip|todo)\)|[✓✗»✎]) /u;
const FAILED = /^(?:\(fail\)|✗) /u;
/** What belongs to the outcome above it, such as that the test timed out. */
const REMARK = /^ +\^ /;
/** What no test is to blame for: a file that does not load, or something that fails after its test. */
const UNHANDLED = /^# Unhandled error/;

/**
 * What `bun test` printed of failures: whoever sees only the end of a long log needs it there. Of each group of failed tests that follow
 * each other all up to the next one that passed, because after a timeout errors come behind the lines of their tests.
 */
export function failures(output: string): readonly string[] {
  const lines = output.replace(ANSI, "").split("\n");
  // Behind the last test come the counts, with the names of failed ones once more.
  const end = lines.findIndex((line) => /^(?:\d+ tests? failed:| *\d+ pass)$/.test(line));
  const told = end < 0 ? lines : lines.slice(0, end);
  const found: string[] = [];
  let group: string[] = [];
  let failed = false;
  const close = () => {
    if (failed) found.push(group.slice(-MOST_LINES).join("\n").trim());
    group = [];
    failed = false;
  };
  for (const line of told) {
    if (OUTCOME.test(line) && !FAILED.test(line)) {
      // What stands before a test that passed is that one's, unless it stands behind a failure.
      close();
      continue;
    }
    if (REMARK.test(line) && group.length === 0) continue;
    group.push(line);
    if (FAILED.test(line) || UNHANDLED.test(line)) failed = true;
  }
  close();
  return found;
}

/** The end of an output in which {@link failures} finds none. */
export function lastWords(output: string): string {
  return output.replace(ANSI, "").split("\n").slice(-MOST_LINES).join("\n").trim();
}

/** The last line of a check: every step that failed, other than the suite, counts as one. */
export function verdictLine(counts: TestCounts, otherFailures: number): string {
  return `${counts.passed} passed, ${counts.failed + otherFailures} failed`;
}
