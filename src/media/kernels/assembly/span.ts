/** Which destination columns of a row map into a range of source coordinates. */

/** First column of the last computed span. */
export let spanStart: i32 = 0;
/** Column after the last one of the last computed span; never before {@link spanStart}. */
export let spanEnd: i32 = 0;

/** Starts a span with all columns of a row. */
@inline
export function resetSpan(columns: i32): void {
  spanStart = 0;
  spanEnd = columns;
}

/**
 * Narrows the span to columns x with `low <= step * x + base < high`. Rounding may leave it a column short of that range
 * or a column beyond it: callers give themselves a margin.
 */
export function narrowSpan(step: f64, base: f64, low: f64, high: f64): void {
  let first: f64;
  let end: f64;
  if (step == 0) {
    if (base >= low && base < high) return;
    spanEnd = spanStart;
    return;
  }
  if (step > 0) {
    first = Math.ceil((low - base) / step);
    end = Math.ceil((high - base) / step);
  } else {
    first = Math.floor((high - base) / step) + 1;
    end = Math.floor((low - base) / step) + 1;
  }
  // Compared as floats first: a tiny step makes them larger than any whole number here.
  if (first > <f64>spanStart) spanStart = first < <f64>spanEnd ? <i32>first : spanEnd;
  if (end < <f64>spanEnd) spanEnd = end > <f64>spanStart ? <i32>end : spanStart;
}
