/** Time, as something that can be handed in: deadlines, back-off and windows are tested without waiting. */

/** Takes a timer back. Calling it again, or after the timer has fired, does nothing. */
export type CancelTimer = () => void;

/** The time and its timers. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `action` once after `delay` milliseconds; at once (but never inside this call) for zero and less. */
  after(delay: number, action: () => void): CancelTimer;
  /**
   * Calls `action` every `period` milliseconds, for housekeeping; that alone keeps no process alive. A clock that is moved
   * by hand waits for what the action returns.
   */
  every(period: number, action: () => unknown): CancelTimer;
}

/** The longest delay `setTimeout` knows, in milliseconds (2^31 - 1); longer ones are made of several. */
const LONGEST_DELAY = 2_147_483_647;

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, action) {
    if (delay > LONGEST_DELAY) {
      let cancel = systemClock.after(LONGEST_DELAY, () => {
        cancel = systemClock.after(delay - LONGEST_DELAY, action);
      });
      return () => cancel();
    }
    const timer = setTimeout(action, delay);
    return () => clearTimeout(timer);
  },
  every(period, action) {
    const timer = setInterval(action, period);
    timer.unref();
    return () => clearInterval(timer);
  },
};
