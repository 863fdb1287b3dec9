/**
 * Loaded by the test runner before all test files (bunfig.toml), so that tests have the same time however they are started:
 * Bun's own 5 s are too short on a machine that is busy with something else.
 */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(30_000);
