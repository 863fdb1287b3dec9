/** What flows through a pipeline: a picture (or a video frame) with the faces found on it so far. */
import type { Box, Picture, Point } from "../media/picture.ts";

/** 68 iBUG landmarks and the five alignment points, in pixels of the upright picture. */
export interface Landmarks {
  /** 68 points in iBUG 300-W order (jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67). */
  readonly points: readonly Point[];
  /** Image-left eye centre, image-right eye centre, nose tip, image-left and image-right mouth corner. */
  readonly five: readonly [Point, Point, Point, Point, Point];
}

/** Head pose in degrees. */
export interface Pose {
  /** Positive: turned towards the picture's left. */
  readonly yaw: number;
  /** Positive: looking up. */
  readonly pitch: number;
  /** Of the line through the eyes; positive: tilted clockwise as seen in the picture. */
  readonly roll: number;
}

/** One eye. */
export interface Eye {
  /** Probability 0..1 that the eye is closed, as the model says. */
  readonly closedProbability: number;
  /** Height of the lid opening over the eye's width, from the landmarks. */
  readonly aspectRatio: number;
  readonly state: "open" | "closed";
}

/** Eyes as they lie in the picture: `left` is the one nearer the picture's left edge. */
export interface Eyes {
  readonly left: Eye;
  readonly right: Eye;
}

/** Measures of a face crop; each 0..1 where 1 is best, unless stated. */
export interface Quality {
  readonly sharpness: number;
  /** 1: not too dark. */
  readonly darkness: number;
  /** 1: not too light. */
  readonly light: number;
  readonly saturation: number;
  /** Distance between the eye centres in pixels. */
  readonly eyeDistance: number;
  /** How much of the widest crop a model will ask for lies inside the picture, 0..1. */
  readonly cropRoom: number;
  readonly overall: number;
}

/** Whether a presented face is a live person. */
export interface Liveness {
  /** 0..1, mapped so that 0.5 is the operating point of the chosen calibration. */
  readonly probability: number;
  /** Logit of the probability, unbounded. */
  readonly score: number;
  readonly prediction: "live" | "spoof" | "unknown";
  /** The calibration the prediction was made with, such as `REGULAR`. */
  readonly calibration: string;
  /** The model's own probability of a live face, before calibration. */
  readonly raw: number;
}

/** One attribute a model reads off a face: a number, or a label with the probabilities it was chosen from. */
export type Attribute =
  | { readonly value: number }
  | { readonly label: string; readonly probabilities: Readonly<Record<string, number>> };

/** The embedding of a face; only descriptors of the same model can be compared. */
export interface Descriptor {
  /** Name of the model card, with the version it states. */
  readonly model: string;
  readonly version: string;
  /** L2-normalised unless the card says otherwise. */
  readonly values: Float32Array;
}

/** An encoded crop of a face. */
export interface FaceCrop {
  /** What it was cut from, in pixels of the upright picture; may reach past the edges. Of a turned crop, its bounds. */
  readonly box: Box;
  readonly contentType: "image/jpeg";
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** Why a gate turned a face away. */
export interface Rejection {
  /** Stage that rejected the face, as written in the pipeline. */
  readonly stage: string;
  /** Stable name of the reason, such as `eye_distance`. */
  readonly reason: string;
  readonly message: string;
}

/** A face on an item. Stages fill in their part. */
export interface Face {
  readonly box: Box;
  /** Detector's confidence, 0..1. */
  readonly score: number;
  landmarks?: Landmarks;
  /** Where a portrait in the proportions of ISO/IEC 19794-5 lies; never clipped. */
  frame?: Box;
  pose?: Pose;
  eyes?: Eyes;
  quality?: Quality;
  liveness?: Liveness;
  attributes?: Record<string, Attribute>;
  /** The emotion with the greatest probability and the probabilities of all. */
  emotion?: Extract<Attribute, { label: string }>;
  descriptor?: Descriptor;
  /** By name, such as `portrait`. */
  crops?: Record<string, FaceCrop>;
  /** Set by a gate; later stages pass a rejected face by. */
  rejected?: Rejection;
  /** Parts written by stages that are not Facewire's own. */
  extra?: Record<string, unknown>;
}

/** One picture on its way through a pipeline. */
export interface Item {
  readonly id: string;
  /** Position in the request, from 0. */
  readonly index: number;
  readonly name: string;
  /** What stages look at. A frame is replaced by what is left of it as JPEG where it crosses to another place. */
  picture: Picture;
  faces: Face[];
}

/** Parts of an item that stages read and write; the planner checks that each is written before it is read. */
export const PARTS = [
  "picture",
  "face.box",
  "face.landmarks",
  "face.frame",
  "face.pose",
  "face.eyes",
  "face.quality",
  "face.liveness",
  "face.attributes",
  "face.emotion",
  "face.descriptor",
  "face.crops",
] as const;
/** One of {@link PARTS}, or `face.extra.<name>` for a user's own stage. */
export type Part = (typeof PARTS)[number] | `face.extra.${string}`;
