/**
 * The tables of galleries as kysely sees them. Times are epoch milliseconds; `bigint` columns may come back as texts from
 * some databases. Ids are UUIDs.
 */

/** Who owns everything else; see `accounts.ts`. */
export interface AccountsTable {
  id: string;
  organization_name: string;
  email: string;
  /** The address as it is compared; unique. */
  email_key: string;
  password_hash: string;
  /** 0 or 1. */
  suspended: number;
  created_at: number;
}

/** See `account-tokens.ts`. */
export interface AccountTokensTable {
  id: string;
  account_id: string;
  /** sha256 of the secret, in hex. */
  hash: string;
  data: string;
  created_at: number;
}

/** See `persons.ts`. */
export interface PersonsTable {
  id: string;
  account_id: string;
  user_data: string;
  external_id: string;
  created_at: number;
}

/** See `descriptors.ts`. */
export interface DescriptorsTable {
  id: string;
  /** Counts up as descriptors are made, in the order in which they can be seen. */
  number: number;
  account_id: string;
  person_id: string | null;
  model: string;
  version: string;
  created_at: number;
  last_update: number;
  /** Since when it belongs to neither a person nor a list; null while it belongs to one. */
  loose_since: number | null;
}

/** The numbers of descriptors, apart from what is read to list them; a row goes with its descriptor. */
export interface DescriptorVectorsTable {
  /** The descriptor's, so that reading all of them reads the table from its beginning to its end. */
  number: number;
  /** Float32, little-endian. */
  content: Uint8Array;
}

/** The pictures of descriptors; a row goes with its descriptor. */
export interface DescriptorSamplesTable {
  descriptor_id: string;
  kind: string;
  width: number;
  height: number;
  /** JPEG. */
  content: Uint8Array;
}

/** See `lists.ts`. */
export interface ListsTable {
  id: string;
  account_id: string;
  type: string;
  data: string;
  created_at: number;
}

/** Who is on which list. */
export interface ListMembersTable {
  list_id: string;
  /** A person or a descriptor, by the list's type. */
  member_id: string;
  /** When the member was made: what the pages of a list are ordered by. */
  created_at: number;
}

/** How many rows a collection that is shown in pages has; see `counts.ts`. */
export interface GalleryCountsTable {
  /** An account or a list. */
  owner: string;
  kind: string;
  count: number;
  /** Grows whenever rows went, or came elsewhere than at the newest end. */
  edits: number;
  /** The newest creation time that was given out. */
  newest: number;
}

/** See `handlers.ts`. */
export interface HandlersTable {
  id: string;
  account_id: string;
  type: string;
  /** JSON. */
  policies: string;
  version: number;
  created_at: number;
  updated_at: number;
}

/** One row: how far the changes are. */
export interface GalleryPositionTable {
  /** The position of the newest change there ever was. */
  last: number;
  /** All changes up to here may be deleted. */
  pruned: number;
  /** The number given to the newest descriptor. */
  numbered: number;
}

/** What changed; see `changes.ts`. */
export interface GalleryChangesTable {
  position: number;
  /** Counts from 0 within a position. */
  part: number;
  time: number;
  kind: string;
  account_id: string;
  /** What it happened to: a descriptor, a person, a list or the member of one. */
  subject: string;
  /** The person of a descriptor, the list of a member. */
  other: string | null;
}

/** One row: how far the descriptors are brought to another model; see `reextraction.ts`. */
export interface GalleryReextractionTable {
  /** The model they are brought to, empty before the first. */
  model: string;
  version: string;
  /** All descriptors up to this number are done. */
  walked: number;
  replaced: number;
  /** Of no use for it: without a sample, or nothing is found on it any more. */
  impossible: number;
  /** The process that does it, until its lease runs out. */
  owner: string | null;
  lease_until: number;
}

/** All of them. */
export interface GallerySchema {
  accounts: AccountsTable;
  account_tokens: AccountTokensTable;
  persons: PersonsTable;
  descriptors: DescriptorsTable;
  descriptor_vectors: DescriptorVectorsTable;
  descriptor_samples: DescriptorSamplesTable;
  lists: ListsTable;
  list_members: ListMembersTable;
  gallery_counts: GalleryCountsTable;
  handlers: HandlersTable;
  gallery_position: GalleryPositionTable;
  gallery_changes: GalleryChangesTable;
  gallery_reextraction: GalleryReextractionTable;
}
