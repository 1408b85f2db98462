/** Reads the configuration that a plugin gets on standard input. */
import { nestsDeeper } from "../model/nesting.ts";
import {
  filledText,
  listOf,
  object,
  optional,
  type Parser,
  quoted,
  record,
  text,
  unlessEmpty,
  withDefault,
  wrong,
} from "../model/parse.ts";
import { isCniName } from "./env.ts";
import { CniError, cniCodes } from "./errors.ts";
import {
  type Dns,
  type NetConf,
  type SpecVersion,
  specVersions,
  versionIfMissing,
} from "./types.ts";

const dnsFields = object({
  nameservers: listOf(text),
  domain: unlessEmpty(text),
  search: listOf(text),
  options: listOf(text),
});

/** `dns`, without the fields that are empty. */
export const dns: Parser<Dns> = (value, path) => {
  if (value === undefined || value === null) return {};
  const { nameservers, domain, search, options } = dnsFields(value, path);
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  };
};

/** A network's name. */
export const networkName: Parser<string> = (value, path) => {
  const name = filledText(value, path);
  if (isCniName(name)) return name;
  return wrong(
    'a name of letters, digits, "_", "." and "-" that begins with one of the first two',
    name,
    path,
  );
};

const anything = withDefault<Readonly<Record<string, unknown>>>(record, {});

const versionField = object({ cniVersion: unlessEmpty(text) });

const baseFields = object({
  name: networkName,
  type: withDefault(text, ""),
  ipam: optional(object({ type: unlessEmpty(text) })),
  dns,
  runtimeConfig: anything,
  args: withDefault(object({ cni: anything }), { cni: {} }),
  prevResult: (value) => value ?? undefined,
});

/** The document with its version and text. Throws CniError 6 for no object, 1 for the version. */
export function readDocument(text: string): {
  raw: Readonly<Record<string, unknown>>;
  cniVersion: SpecVersion;
  text: string;
} {
  const raw = parseJsonObject(text);
  const cniVersion = versionField(raw, "").cniVersion ?? versionIfMissing;
  if (!(specVersions as readonly string[]).includes(cniVersion)) {
    throw new CniError(
      cniCodes.version,
      `cniVersion ${quoted(cniVersion)} is not supported`,
      `Supported versions: ${specVersions.join(", ")}`,
    );
  }
  return { raw, cniVersion: cniVersion as SpecVersion, text };
}

/** The fields that every plugin has. Throws ConfigError. */
export function readConf(raw: Readonly<Record<string, unknown>>, cniVersion: SpecVersion): NetConf {
  const { ipam, args, ...base } = baseFields(raw, "");
  return {
    ...base,
    cniVersion,
    ...(ipam?.type && { ipam: { type: ipam.type } }),
    cniArgs: args.cni,
    raw,
  };
}

/** Throws CniError 6. */
export function parseJsonObject(json: string): Readonly<Record<string, unknown>> {
  if (nestsDeeper(json, maxNesting)) {
    throw new CniError(
      cniCodes.decoding,
      `Cannot read the configuration: it nests deeper than ${maxNesting} levels`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const problem = json.trim() === "" ? "it is empty" : (error as Error).message;
    throw new CniError(cniCodes.decoding, `Cannot read the configuration as JSON: ${problem}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new CniError(
    cniCodes.decoding,
    `Cannot read the configuration: it must be a JSON object, not ${quoted(value)}`,
  );
}

/** Far beyond any use, and far from where a walk through the document would exhaust the stack. */
const maxNesting = 1000;
