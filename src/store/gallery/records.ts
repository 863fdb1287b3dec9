/** What a gallery keeps, as its repositories hand it out. Ids are lower-case UUIDs of version 4; times are epoch ms. */

/** Who owns everything else. */
export interface Account {
  readonly id: string;
  readonly organizationName: string;
  /** As it was given; compared without regard to letter case. */
  readonly email: string;
  readonly suspended: boolean;
  readonly createdAt: number;
}

/** A token of an account. Its secret is in the answer to its creation and nowhere else. */
export interface AccountToken {
  readonly id: string;
  /** What people call it. */
  readonly data: string;
}

/** The numbers of a face, and what they were made with: only those of one model and version can be compared. */
export interface Vector {
  /** Name of the model's card. */
  readonly model: string;
  readonly version: string;
  readonly values: Float32Array;
}

/** The picture a descriptor can be extracted from again, and that is shown of it. */
export interface Sample {
  /** `portrait`: cut out of a picture. `warp`: an aligned face, as it was sent. */
  readonly kind: "portrait" | "warp";
  /** JPEG. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A descriptor to keep. */
export interface NewDescriptor extends Vector {
  readonly id: string;
  readonly sample?: Sample;
}

/** A descriptor without its numbers. */
export interface DescriptorRecord {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  /** Creation, later the last time it was attached or detached. */
  readonly lastUpdate: number;
  readonly personId: string | null;
  readonly lists: readonly string[];
}

/** A person to keep. */
export interface NewPerson {
  readonly id: string;
  readonly userData: string;
  readonly externalId: string;
}

export interface PersonRecord extends NewPerson {
  readonly createdAt: number;
  readonly descriptors: readonly string[];
  readonly lists: readonly string[];
}

/** What a list holds; fixed when it is made. */
export type ListType = "persons" | "descriptors";

export interface ListRecord {
  readonly id: string;
  readonly type: ListType;
  readonly data: string;
  /** Members. */
  readonly count: number;
}

/** A named set of rules of an account, such as what is estimated on pictures it sends. */
export interface HandlerRecord {
  readonly id: string;
  readonly type: string;
  /** Plain JSON. */
  readonly policies: Readonly<Record<string, unknown>>;
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}
