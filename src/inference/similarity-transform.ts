/** Fitting a face onto a template by turning, scaling and shifting it. */
import type { Affine, Point } from "../media/picture.ts";

/**
 * The map from template to picture coordinates whose inverse lays `points` onto `template` with the least sum of squared
 * distances among all similarities (rotation, one scale, shift). Umeyama 1991, in closed form for the plane; fitted from
 * the template to the points, so distances count in picture pixels.
 */
export function similarityToPicture(points: readonly Point[], template: readonly Point[]): Affine {
  const pointMean = mean(points);
  const templateMean = mean(template);
  let along = 0;
  let across = 0;
  let spread = 0;
  for (let i = 0; i < template.length; i++) {
    const x = template[i]![0] - templateMean[0];
    const y = template[i]![1] - templateMean[1];
    const u = points[i]![0] - pointMean[0];
    const v = points[i]![1] - pointMean[1];
    along += x * u + y * v;
    across += x * v - y * u;
    spread += x * x + y * y;
  }
  const a = along / spread;
  const b = across / spread;
  const [x, y] = templateMean;
  return [a, -b, pointMean[0] - a * x + b * y, b, a, pointMean[1] - b * x - a * y];
}

function mean(points: readonly Point[]): Point {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point[0];
    y += point[1];
  }
  return [x / points.length, y / points.length];
}
