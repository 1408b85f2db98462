/**
 * Reads the few built-in objects that kubectl sends as protobuf and as nothing else. Source:
 * Kubernetes' documentation, "Protobuf encoding", and generated.proto of meta/v1, core/v1,
 * authorization/v1 and authentication/v1.
 */
import { badRequest, unsupportedMediaType } from "../../api/status-error.ts";

export const protobufType = "application/vnd.kubernetes.protobuf";

/** Field's number → its name and what it holds. Others are passed over. */
type Message = { readonly [number: number]: readonly [name: string, form: Form] };
type Form = "text" | "bytes" | "texts" | Message;

const typeMeta: Message = { 1: ["apiVersion", "text"], 2: ["kind", "text"] };
const unknown: Message = { 1: ["typeMeta", typeMeta], 2: ["raw", "bytes"] };
const objectMeta: Message = {
  1: ["name", "text"],
  2: ["generateName", "text"],
  3: ["namespace", "text"],
  11: ["labels", "texts"],
  12: ["annotations", "texts"],
};
const entry: Message = { 1: ["key", "text"], 2: ["value", "text"] };
const withMeta = (spec: Message): Message => ({ 1: ["metadata", objectMeta], 2: ["spec", spec] });

/** By API version and kind. */
const messages: Readonly<Record<string, Message>> = {
  "v1 Namespace": withMeta({}),
  "authorization.k8s.io/v1 SelfSubjectAccessReview": withMeta({
    1: [
      "resourceAttributes",
      {
        1: ["namespace", "text"],
        2: ["verb", "text"],
        3: ["group", "text"],
        4: ["version", "text"],
        5: ["resource", "text"],
        6: ["subresource", "text"],
        7: ["name", "text"],
      },
    ],
    2: ["nonResourceAttributes", { 1: ["path", "text"], 2: ["verb", "text"] }],
  }),
  "authorization.k8s.io/v1 SelfSubjectRulesReview": withMeta({ 1: ["namespace", "text"] }),
  "authentication.k8s.io/v1 SelfSubjectReview": withMeta({}),
};

const magic = [0x6b, 0x38, 0x73, 0x00];

/** The object as JSON would have it. Throws ApiError (UnsupportedMediaType, BadRequest). */
export function readProtobuf(bytes: Uint8Array, otherTypes: readonly string[]): unknown {
  if (!magic.every((byte, i) => bytes[i] === byte)) {
    throw badRequest("the body of the request is no protobuf of Kubernetes");
  }
  const envelope = readMessage(bytes.subarray(magic.length), unknown) as {
    readonly typeMeta?: { readonly apiVersion?: string; readonly kind?: string };
    readonly raw?: Uint8Array;
  };
  const { apiVersion = "", kind = "" } = envelope.typeMeta ?? {};
  const message = messages[`${apiVersion} ${kind}`];
  if (!message) throw unsupportedMediaType(otherTypes);
  return { apiVersion, kind, ...readMessage(envelope.raw ?? new Uint8Array(), message) };
}

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function readMessage(bytes: Uint8Array, message: Message): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  let at = 0;
  const cut = () => badRequest("the body of the request is cut short");
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw cut();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badRequest("the body of the request holds too large a number");
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === wireTypes.varint) varint();
    else if (wire === wireTypes.fixed64) at += 8;
    else if (wire === wireTypes.fixed32) at += 4;
    else if (wire === wireTypes.bytes) {
      const length = varint();
      const inner = bytes.subarray(at, at + length);
      at += length;
      if (inner.length < length) throw cut();
      const [name, form] = message[Math.floor(tag / 8)] ?? [];
      if (name !== undefined && form !== undefined) fields[name] = value(inner, form, fields[name]);
    } else throw badRequest("the body of the request is no protobuf");
  }
  return fields;
}

function value(bytes: Uint8Array, form: Form, before: unknown): unknown {
  if (form === "bytes") return bytes;
  if (form === "text") return new TextDecoder().decode(bytes);
  if (form !== "texts") return readMessage(bytes, form);
  const { key = "", value = "" } = readMessage(bytes, entry);
  return { ...(before as object | undefined), [String(key)]: value };
}
