/** Stage `quality`: measures how good each face's picture is, and turns away what is not good enough. */
import { type Static, Type } from "@sinclair/typebox";
import { aggregateNumbers, unfitMethod } from "./aggregate.ts";
import type { Face, Quality } from "./item.ts";
import { pixels, share, stageOptions, toPixels } from "./options.ts";
import { qualityOf } from "./quality-measures.ts";
import { type AggregateMethod, defineStage } from "./stage.ts";

const METHODS: readonly AggregateMethod[] = ["best-quality", "mean", "minimum", "maximum"];

const gate = (what: string) => Type.Optional(share({ description: `Least ${what}, 0..1; no gate when absent.` }));
const turn = (angle: string) =>
  Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 180,
      description: `Greatest ${angle} in degrees either way; needs stage pose.`,
    }),
  );

const options = stageOptions({
  crop_scale: Type.Number({
    exclusiveMinimum: 0,
    maximum: 10,
    default: 2.7,
    description:
      "Side of the widest crop a later model takes, as multiple of the box's height; what crop room is measured for.",
  }),
  min_eye_distance: Type.Optional(pixels({ description: "Least distance between the eyes; no gate when absent." })),
  min_sharpness: gate("sharpness"),
  min_darkness: gate("darkness measure (1 is not too dark)"),
  min_light: gate("light measure (1 is not too light)"),
  min_saturation: gate("saturation"),
  min_crop_room: gate("crop room"),
  min_overall: gate("overall quality"),
  max_yaw: turn("yaw"),
  max_pitch: turn("pitch"),
  max_roll: turn("roll"),
});
type Options = Static<typeof options>;

export default defineStage({
  kind: "quality",
  summary: "Measures sharpness, lighting, size and room of each face, with gates.",
  description:
    "Measures the middle square of the box, resampled to 64 x 64. Each measure is 0..1 with 1 the best. Sharpness: how fine " +
    "the detail is (energy of the Laplacian over that of the gradient, so contrast cancels out); a face that is small in " +
    "the picture counts as blurred. Darkness: 1 is not too dark, from the brightest tenth of the pixels (0 at luma 30, 1 " +
    "from 90 on). Light: 1 is not too light, from the median luma (0 at 250, 1 up to 205). Saturation: mean of (max - min) " +
    "/ max over the channels (1 from 0.2 on; a grey picture has 0). Crop room: `min(1, min(picture width, picture height) " +
    "/ (crop_scale x box height))`, the share of a square crop's side that fits into the picture when the crop may be " +
    "shifted. Eye distance is in pixels. Overall is `sqrt(sharpness x darkness x light x crop room x min(1, eye distance / " +
    "60 px)) x (0.8 + 0.2 x saturation)`, which falls with each defect. Gates compare a measure with a limit; a face that " +
    "fails one is rejected and later stages pass it by.",
  example: "stages:\n  - detect: {}\n  - landmarks: {}\n  - quality: { min_eye_distance: 60px, min_sharpness: 0.3 }",
  options,
  reads: (options) => [
    "picture",
    "face.box",
    "face.landmarks",
    ...(turnLimits(options).length > 0 ? (["face.pose"] as const) : []),
  ],
  writes: () => ["face.quality"],
  drops:
    "Rejects faces that fail a gate, with the first of these reasons that holds: eye_distance, sharpness, darkness, light, " +
    "saturation, crop_room, overall, yaw, pitch, roll. Without gates nothing.",
  cost: "70 µs a face; no model (one thread of a 2-core x86-64 machine with AVX-512).",
  models: () => [],
  aggregation: {
    key: "quality",
    methods: METHODS,
    aggregate(inputs, method) {
      if (!METHODS.includes(method)) throw unfitMethod("quality", method, METHODS);
      const all = inputs.map(({ face }) => qualityJson(face.quality!));
      const keys = Object.keys(all[0]!) as (keyof (typeof all)[number])[];
      return Object.fromEntries(
        keys.map((key) => {
          const values = all.map((each) => each[key]);
          return [key, aggregateNumbers(values, inputs, method)];
        }),
      );
    },
  },
  async create(options) {
    const gates = gatesOf(options);
    return {
      run(item, faces, context) {
        context.checkpoint();
        for (const face of faces) {
          const quality = qualityOf(item.picture, face.box, face.landmarks!, options.crop_scale);
          face.quality = quality;
          const failures = gates.flatMap((each) => each(face, quality) ?? []);
          for (const { message } of failures) context.explain(() => message, face);
          if (failures[0]) face.rejected = { stage: "quality", ...failures[0] };
        }
      },
    };
  },
});

/** The measures as users see them. */
export function qualityJson(quality: Quality) {
  const { sharpness, darkness, light, saturation, eyeDistance, cropRoom, overall } = quality;
  return { sharpness, darkness, light, saturation, eye_distance: eyeDistance, crop_room: cropRoom, overall };
}

interface Failure {
  readonly reason: string;
  readonly message: string;
}
type Gate = (face: Face, quality: Quality) => Failure | undefined;

/** The gates that the options close, in the order their reasons are given. */
function gatesOf(options: Options): Gate[] {
  const { min_eye_distance, min_sharpness, min_darkness, min_light, min_saturation, min_crop_room, min_overall } =
    options;
  const pixelLimit = min_eye_distance === undefined ? undefined : toPixels(min_eye_distance);
  return [
    least("eye_distance", "eye distance", pixelLimit, (quality) => quality.eyeDistance, " px"),
    least("sharpness", "sharpness", min_sharpness, (quality) => quality.sharpness),
    least("darkness", "darkness measure", min_darkness, (quality) => quality.darkness),
    least("light", "light measure", min_light, (quality) => quality.light),
    least("saturation", "saturation", min_saturation, (quality) => quality.saturation),
    least("crop_room", "crop room", min_crop_room, (quality) => quality.cropRoom),
    least("overall", "overall quality", min_overall, (quality) => quality.overall),
    ...turnLimits(options).map(([angle, limit]): Gate[] => [
      (face) => {
        const value = face.pose![angle];
        const message = `${angle} ${value.toFixed(1)} degrees is beyond ${limit}`;
        return Math.abs(value) > limit ? { reason: angle, message } : undefined;
      },
    ]),
  ].flat();
}

function least(
  reason: string,
  name: string,
  limit: number | undefined,
  pick: (quality: Quality) => number,
  unit = "",
): Gate[] {
  if (limit === undefined) return [];
  return [
    (_face, quality) => {
      const value = pick(quality);
      const shown = unit === "" ? value.toFixed(3) : value.toFixed(1);
      return value < limit ? { reason, message: `${name} ${shown}${unit} is below ${limit}${unit}` } : undefined;
    },
  ];
}

/** The angles that have a limit. */
function turnLimits({ max_yaw, max_pitch, max_roll }: Options) {
  const limits = [
    ["yaw", max_yaw],
    ["pitch", max_pitch],
    ["roll", max_roll],
  ] as const;
  return limits.flatMap(([angle, limit]) => (limit === undefined ? [] : [[angle, limit] as const]));
}
