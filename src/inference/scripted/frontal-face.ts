/** The 68 points of a face seen from the front, for scripted landmarks. */
import type { Box, Point } from "../../media/picture.ts";

/** Points of an ellipse part: angles in degrees, 0 is right, 90 is down. */
function arc(centre: Point, radii: Point, from: number, to: number, count: number): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = ((from + ((to - from) * i) / Math.max(1, count - 1)) * Math.PI) / 180;
    return [centre[0] + radii[0] * Math.cos(angle), centre[1] + radii[1] * Math.sin(angle)] as const;
  });
}

function line(from: Point, to: Point, count: number): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const share = i / (count - 1);
    return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share] as const;
  });
}

/** Six points of an open eye, from the picture's left corner over the upper lid. */
function eye(x: number): Point[] {
  const [width, height] = [0.09, 0.04];
  return [
    [x - width, 0.4],
    [x - width / 3, 0.4 - height],
    [x + width / 3, 0.4 - height],
    [x + width, 0.4],
    [x + width / 3, 0.4 + height],
    [x - width / 3, 0.4 + height],
  ];
}

/** In shares of the box, in the order of iBUG 300-W: jaw, brows, nose, eyes, mouth. */
const FRONTAL: readonly Point[] = [
  ...arc([0.5, 0.42], [0.46, 0.54], 180, 0, 17),
  ...arc([0.3, 0.32], [0.13, 0.06], 190, 350, 5),
  ...arc([0.7, 0.32], [0.13, 0.06], 190, 350, 5),
  ...line([0.5, 0.4], [0.5, 0.58], 4),
  ...arc([0.5, 0.6], [0.09, 0.04], 180, 0, 5),
  ...eye(0.3),
  ...eye(0.7),
  ...arc([0.5, 0.77], [0.16, 0.07], 180, 360, 7),
  ...arc([0.5, 0.77], [0.16, 0.07], 30, 150, 5),
  ...arc([0.5, 0.77], [0.13, 0.025], 180, 360, 5),
  ...arc([0.5, 0.77], [0.13, 0.025], 45, 135, 3),
];

/** `count` points inside a box: of a face where there are 68 of them, else on an ellipse. */
export function frontalPoints(box: Box, count: number): readonly Point[] {
  const shares =
    count === FRONTAL.length ? FRONTAL : arc([0.5, 0.5], [0.5, 0.5], 0, (360 * (count - 1)) / count, count);
  return shares.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
}
