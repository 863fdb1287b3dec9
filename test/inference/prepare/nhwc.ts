/** TensorFlow's operators on NHWC arrays, written the plain way: what converted networks are compared with. */

/** A dense array, last dimension fastest. */
export interface Dense {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** How a window moves over a picture. */
export interface Window {
  readonly strides: readonly [number, number];
  readonly dilations?: readonly [number, number];
  /** SAME and VALID as TensorFlow defines them, or pixels before and after each of height and width. */
  readonly padding: "SAME" | "VALID" | readonly [[number, number], [number, number]];
}

export function dense(shape: readonly number[], values: ArrayLike<number>): Dense {
  return { shape, values: Float32Array.from(values) };
}

/** Applies a function to each value. */
export function each(input: Dense, work: (value: number, channel: number) => number): Dense {
  const channels = input.shape.at(-1)!;
  return { shape: input.shape, values: input.values.map((value, i) => work(value, i % channels)) };
}

/** Kernel shape H W I O; depthwise when `depthwise`: H W I multiplier. */
export function conv2d(input: Dense, kernel: Dense, window: Window, depthwise = false): Dense {
  const [kernelHeight, kernelWidth, channels, last] = kernel.shape as [number, number, number, number];
  const outputs = depthwise ? channels * last : last;
  return slide(input, kernelHeight, kernelWidth, window, outputs, (at, output) => {
    let sum = 0;
    for (let y = 0; y < kernelHeight; y++) {
      for (let x = 0; x < kernelWidth; x++) {
        for (let channel = 0; channel < channels; channel++) {
          if (depthwise && Math.floor(output / last) !== channel) continue;
          const weight = ((y * kernelWidth + x) * channels + channel) * last + (depthwise ? output % last : output);
          sum += (at(y, x, channel) ?? 0) * kernel.values[weight]!;
        }
      }
    }
    return sum;
  });
}

/** The greatest or mean value of each window; padding counts for neither. */
export function pool(input: Dense, height: number, width: number, window: Window, kind: "max" | "mean"): Dense {
  return slide(input, height, width, window, input.shape[3]!, (at, channel) => {
    const seen: number[] = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = at(y, x, channel);
        if (value !== undefined) seen.push(value);
      }
    }
    return kind === "max" ? Math.max(...seen) : seen.reduce((a, b) => a + b, 0) / seen.length;
  });
}

/** Softmax over the last dimension. */
export function softmax(input: Dense): Dense {
  const size = input.shape.at(-1)!;
  const values = Float32Array.from(input.values, (value, i) => {
    const row = input.values.subarray(i - (i % size), i - (i % size) + size);
    return Math.exp(value) / row.reduce((sum, other) => sum + Math.exp(other), 0);
  });
  return { shape: input.shape, values };
}

/** Mean over height and width: [n, h, w, c] to [n, c]. */
export function spatialMean(input: Dense): Dense {
  const [count, height, width, channels] = input.shape as [number, number, number, number];
  const values = new Float32Array(count * channels);
  input.values.forEach((value, i) => {
    const picture = Math.floor(i / (height * width * channels));
    values[picture * channels + (i % channels)]! += value / (height * width);
  });
  return { shape: [count, channels], values };
}

/** Rows [n, k] times a matrix [k, m]. */
export function matMul(input: Dense, matrix: Dense): Dense {
  const [rows, inner] = input.shape as [number, number];
  const columns = matrix.shape[1]!;
  const values = Float32Array.from({ length: rows * columns }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += input.values[Math.floor(i / columns) * inner + k]! * matrix.values[k * columns + (i % columns)]!;
    }
    return sum;
  });
  return { shape: [rows, columns], values };
}

/** NHWC to NCHW, the order the converted network takes its input in. */
export function toNchw({ shape, values }: Dense): Float32Array {
  const [count, height, width, channels] = shape as [number, number, number, number];
  const turned = new Float32Array(values.length);
  for (let n = 0, from = 0; n < count; n++) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        turned[(n * channels + channel) * height * width + pixel] = values[from++]!;
      }
    }
  }
  return turned;
}

/** Calls `work` for every place of a moving window; `at` gives a value under the window, undefined in the padding. */
function slide(
  input: Dense,
  height: number,
  width: number,
  { strides, dilations = [1, 1], padding }: Window,
  channels: number,
  work: (at: (y: number, x: number, channel: number) => number | undefined, channel: number) => number,
): Dense {
  const [count, rows, columns, depth] = input.shape as [number, number, number, number];
  const plan = ([0, 1] as const).map((axis) => {
    const size = axis === 0 ? rows : columns;
    const reach = ((axis === 0 ? height : width) - 1) * dilations[axis] + 1;
    if (padding === "SAME") {
      const steps = Math.ceil(size / strides[axis]);
      return { steps, before: Math.floor(Math.max(0, (steps - 1) * strides[axis] + reach - size) / 2) };
    }
    const [before, after] = padding === "VALID" ? [0, 0] : padding[axis];
    return { steps: Math.floor((size + before + after - reach) / strides[axis]) + 1, before };
  });
  const [down, right] = plan as [(typeof plan)[0], (typeof plan)[0]];
  const values: number[] = [];
  for (let n = 0; n < count; n++) {
    for (let top = 0; top < down.steps; top++) {
      for (let left = 0; left < right.steps; left++) {
        const at = (y: number, x: number, channel: number) => {
          const row = top * strides[0] - down.before + y * dilations[0];
          const column = left * strides[1] - right.before + x * dilations[1];
          if (row < 0 || column < 0 || row >= rows || column >= columns) return undefined;
          return input.values[((n * rows + row) * columns + column) * depth + channel]!;
        };
        for (let channel = 0; channel < channels; channel++) values.push(work(at, channel));
      }
    }
  }
  return dense([count, down.steps, right.steps, channels], values);
}
