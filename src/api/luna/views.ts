/** Stored objects as answers show them. */
import type { DescriptorRecord, ListRecord, PersonRecord } from "../../store/gallery/records.ts";

/** A descriptor by itself. */
export function descriptorView({ id, lastUpdate, personId, lists }: DescriptorRecord) {
  return { id, last_update: timeText(lastUpdate), person_id: personId, lists };
}

/** A descriptor among the members of a list. */
export function memberView({ id, lastUpdate, personId }: DescriptorRecord) {
  return { id, last_update: timeText(lastUpdate), person_id: personId };
}

/** A person, also among the members of a list. */
export function personView({ id, userData, createdAt, externalId, descriptors, lists }: PersonRecord) {
  return { id, user_data: userData, create_time: timeText(createdAt), external_id: externalId, descriptors, lists };
}

/** A list without its members. */
export function listView({ id, data, count }: ListRecord) {
  return { id, list_data: data, count };
}

/** RFC 3339 in UTC. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
