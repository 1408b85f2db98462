/** How objects stand in the store: as JSON without their resource version, the revision. */
import type { ApiObject } from "../../api/object.ts";
import type { Entry } from "../store/store.ts";

/** The object of this text, last changed at this revision. */
export function decode(value: string, revision: number): ApiObject {
  const object = JSON.parse(value) as ApiObject;
  return withRevision(object, revision);
}

export const decodeEntry = ({ value, revision }: Entry): ApiObject => decode(value, revision);

/** Where a name ends that is first in the metadata, as `encode` leaves it. */
const start = /^\{"apiVersion":"[^"\\]*","kind":"[^"\\]*","metadata":\{"name":"[^"\\]*"/;

/** The JSON of an entry's object. Long lists are told without reading it. */
export function textOf(entry: Entry): string {
  const { value, revision } = entry;
  const end = start.exec(value)?.[0].length;
  if (end === undefined) return JSON.stringify(decodeEntry(entry));
  return `${value.slice(0, end)},"resourceVersion":"${revision}"${value.slice(end)}`;
}

export const withRevision = <O extends ApiObject>(object: O, revision: number): O => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
});

export function encode(object: ApiObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}
