/** What is to be done once all tests of this process have run: `clean-up.ts` does it. */
const tasks: (() => Promise<void>)[] = [];

/** Adds a task; the last added is done first. */
export function atEnd(task: () => Promise<void>): void {
  tasks.push(task);
}

/** Does all tasks that were added since the last time. */
export async function doWhatIsLeft(): Promise<void> {
  for (const task of tasks.splice(0).reverse()) await task();
}
