/** How cases of refusals are written. */
import { object, root } from "./world.ts";

export type Case = readonly [
  what: string,
  who: string,
  verb: string,
  path: string,
  code: number,
  body?: string | object,
  headers?: readonly string[],
];

export const [a, b] = [`${root}/namespaces/a`, `${root}/namespaces/b`];
export const network = (name: string, spec: object = { type: "bridge" }) =>
  object("Network", name, spec);
export const port = (name: string, spec: object) =>
  object("Port", name, { network: "net", ...spec });
export const grant = (spec: object) =>
  object("Grant", "new", { user: "mallory", role: "viewer", ...spec });
export const token = (spec: object) => object("Token", "new", { user: "mallory", ...spec });
export const mergePatch = ["content-type: application/merge-patch+json"];
export const jsonPatch = ["content-type: application/json-patch+json"];
export const applyPatch = ["content-type: application/apply-patch+yaml"];
