/**
 * What labels, annotations and finalizers may look like.
 * Source: Kubernetes' k8s.io/apimachinery/pkg/util/validation and pkg/api/validation.
 */
import type { Fault } from "./object.ts";

/** Of keys and values of all annotations together. */
export const maxAnnotationBytes = 256 * 1024;

const word = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const wordRule =
  "must consist of alphanumeric characters, '-', '_' or '.', " +
  "and must start and end with an alphanumeric character";
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What is wrong with a label's or annotation's key: `name`, or `prefix/name`. */
export function wrongKey(key: string): string | undefined {
  const parts = key.split("/");
  const name = parts.pop()!;
  if (parts.length > 1) {
    return "a qualified name must be a name with an optional DNS subdomain prefix and '/'";
  }
  const [prefix] = parts;
  if (prefix !== undefined && (prefix.length > 253 || !dnsSubdomain.test(prefix))) {
    return "prefix part must be a lowercase RFC 1123 subdomain of at most 253 characters";
  }
  if (name.length > 63) return "name part must be no more than 63 characters";
  return word.test(name) ? undefined : `name part ${wordRule}`;
}

/** What is wrong with a label's value. The empty one is fine. */
export function wrongLabelValue(value: string): string | undefined {
  if (value.length > 63) return "must be no more than 63 characters";
  return value === "" || word.test(value)
    ? undefined
    : `a valid label must be an empty string or ${wordRule.replace("must ", "")}`;
}

type Texts = Readonly<Record<string, string>>;

const wrong = (path: string, message: string | undefined): Fault[] =>
  message === undefined ? [] : [{ path, reason: "FieldValueInvalid", message }];

export function labelFaults(labels: Texts, path: string): Fault[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...wrong(path, quotedKey(key, wrongKey(key))),
    ...wrong(`${path}[${key}]`, wrongLabelValue(value)),
  ]);
}

export function annotationFaults(annotations: Texts, path: string): Fault[] {
  const encoder = new TextEncoder();
  const entries = Object.entries(annotations);
  let bytes = 0;
  for (const [key, value] of entries) {
    bytes += encoder.encode(key).length + encoder.encode(value).length;
  }
  const faults = entries.flatMap(([key]) =>
    wrong(path, quotedKey(key, wrongKey(key.toLowerCase()))),
  );
  if (bytes <= maxAnnotationBytes) return faults;
  const message = `may not be more than ${maxAnnotationBytes} bytes`;
  return [...faults, { path, reason: "FieldValueTooLong", message }];
}

export const finalizerFaults = (finalizers: readonly string[], path: string): Fault[] =>
  finalizers.flatMap((finalizer, i) => wrong(`${path}[${i}]`, wrongKey(finalizer)));

/** The path is that of the whole map, so the message names the key. */
function quotedKey(key: string, message: string | undefined): string | undefined {
  return message === undefined ? undefined : `key ${JSON.stringify(key.slice(0, 80))}: ${message}`;
}
