/** What a function throws, or a promise rejects with, as a value to look into. Fails when nothing is thrown. */
export async function thrownBy(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}
