import { describe, expect, test } from "bun:test";
import { failures, lastWords, testCounts, verdictLine } from "../../scripts/verify/verdict.ts";

const WHOLE = "bun test v1.4.5\n\na.test.ts:\n(pass) 3 pass\n\n 12 pass\n 0 fail\n 40 expect() calls\nRan 12 tests.\n";

describe("verify's verdict", () => {
  test("counts are the ones bun ends with", () => {
    expect(testCounts(WHOLE, true)).toEqual({ passed: 12, failed: 0 });
    expect(testCounts(" 10 pass\n 2 skip\n 3 fail\n", false)).toEqual({ passed: 10, failed: 3 });
  });

  test("counts are found in coloured output", () => {
    expect(testCounts("\x1b[32m 7 pass\x1b[0m\n\x1b[31m 1 fail\x1b[0m\n", false)).toEqual({ passed: 7, failed: 1 });
  });

  test("a run that failed without a failed test counts as a failure", () => {
    expect(testCounts(WHOLE, false)).toEqual({ passed: 12, failed: 1 });
    expect(testCounts("panic: segmentation fault", false)).toEqual({ passed: 0, failed: 1 });
  });

  test("what was printed of failed tests is found, and nothing of those that passed", () => {
    const output = [
      "a.test.ts:",
      "(pass) one [1.00ms]",
      "said by two",
      "error: expect(received).toBe(expected)",
      "(fail) \x1b[31mtwo\x1b[0m [2.00ms]",
      "(pass) three [1.00ms]",
      "(fail) four [50.28ms]",
      "  ^ this test timed out after 50ms.",
      "(fail) five [0.10ms]",
      "error: of five",
      "(pass) six [50.00ms]",
      "  ^ this test timed out after 50ms and was expected to fail.",
      "(pass) seven [1.00ms]",
      "",
      "b.test.ts:",
      "# Unhandled error between tests",
      "error: Cannot find module",
      "",
      "2 tests failed:",
      "(fail) two [2.00ms]",
      "",
      " 2 pass",
    ].join("\n");
    expect(failures(output)).toEqual([
      "said by two\nerror: expect(received).toBe(expected)\n(fail) two [2.00ms]",
      "(fail) four [50.28ms]\n  ^ this test timed out after 50ms.\n(fail) five [0.10ms]\nerror: of five",
      "b.test.ts:\n# Unhandled error between tests\nerror: Cannot find module",
    ]);
    expect(failures("\x1b[32m✓\x1b[0m one\nwhy\n\x1b[31m✗\x1b[0m two\n")).toEqual(["why\n✗ two"]);
    expect(failures(WHOLE)).toEqual([]);
  });

  test("a run that ended without a word of why is repeated from its end", () => {
    expect(lastWords("a\n\x1b[31mpanic\x1b[0m: segmentation fault\n")).toBe("a\npanic: segmentation fault");
  });

  test("a failed type check or lint shows in the one line at the end", () => {
    expect(verdictLine({ passed: 12, failed: 1 }, 2)).toBe("12 passed, 3 failed");
    expect(verdictLine({ passed: 12, failed: 0 }, 0)).toBe("12 passed, 0 failed");
  });
});
