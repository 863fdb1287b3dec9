/** Time that stands still until a test moves it: the kit's own. */
export { FakeClock } from "../../src/testing/fake-clock.ts";
