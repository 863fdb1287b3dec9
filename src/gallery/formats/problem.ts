/** What is wrong with the bytes of a descriptor that came from outside. */
import { FacewireError } from "../../errors.ts";

/**
 * `malformed`: the bytes do not have the layout. `version`: no model here has this number. `length`: not as many bytes as the
 * model's descriptors have. `values`: numbers that no descriptor of the model holds. `missing`: a container without a
 * descriptor of the wanted model.
 */
export type DescriptorProblem =
  | { readonly kind: "malformed" }
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "values" }
  | { readonly kind: "missing" };

/** Bytes that are no descriptor: `descriptor_invalid` with its {@link DescriptorProblem}. */
export class DescriptorBytesError extends FacewireError {
  readonly problem: DescriptorProblem;

  constructor(problem: DescriptorProblem, message: string) {
    super("descriptor_invalid", message, { details: { problem: problem.kind } });
    this.problem = problem;
  }
}

/** The bytes do not have the layout they claim; `why` in a few words. */
export function malformed(why: string): DescriptorBytesError {
  return new DescriptorBytesError({ kind: "malformed" }, `The descriptor cannot be read: ${why}.`);
}
