/** Settings of galleries: accounts, descriptors, matching. */
import { Type } from "@sinclair/typebox";
import { duration, section } from "./fields.ts";

export const GallerySettings = section("Galleries: descriptors that are kept and searched.", {
  descriptor_lifetime: duration({
    default: "30d",
    least: "0s",
    most: "36500d",
    description:
      "How long a descriptor is kept that belongs to neither a person nor a list, from its making or its last detaching. 0s keeps it for good.",
  }),
  collect_every: duration({
    default: "1h",
    least: "1s",
    most: "30d",
    description: "How often descriptors past their lifetime are looked for and deleted with their pictures.",
  }),
  threads: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1, maximum: 256 })], {
    default: "auto",
    description: "Threads that search; each holds a share of the descriptors. `auto`: one for every four cores.",
  }),
  reextract: Type.Union([Type.Literal("auto"), Type.Literal("off")], {
    default: "auto",
    description:
      "What is done with descriptors of another model or version than that of `descriptor-default`, which no search finds: `auto` extracts them again from the pictures that are stored with them, behind all requests.",
  }),
});
