/** Network configurations as a runtime keeps them: lists of plugins, in files. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "../../model/config-error.ts";
import {
  dictionaryOf,
  filledText,
  flag,
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
} from "../../model/parse.ts";
import { networkName, parseJsonObject } from "../config.ts";
import { CniError, cniCodes, toCniError } from "../errors.ts";
import { type SpecVersion, specVersions, versionIfMissing } from "../types.ts";

type Document = Readonly<Record<string, unknown>>;

/** One plugin of a list. */
export interface PluginConf {
  readonly type: string;
  /** Capabilities that are declared `true`. */
  readonly capabilities: readonly string[];
  readonly raw: Document;
}

/** A network: what its plugins, run in order, attach a container to. */
export interface NetworkList {
  readonly name: string;
  /** The highest of `cniVersions` and `cniVersion` that we know. */
  readonly cniVersion: SpecVersion;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConf[];
  /** The whole as one list document: what the cache keeps. */
  readonly json: string;
  /** Where it was read from. */
  readonly file?: string;
}

/** libcni takes these as text too. */
const lenientFlag: Parser<boolean> = (value, path) => {
  const word = typeof value === "string" ? value.toLowerCase() : "";
  return word === "true" || word === "false" ? word === "true" : flag(value, path);
};
const off = withDefault(lenientFlag, false);

const listFields = object({
  name: networkName,
  cniVersion: unlessEmpty(text),
  cniVersions: listOf(text),
  disableCheck: off,
  disableGC: off,
  loadOnlyInlinedPlugins: off,
  plugins: optional(listOf(record)),
});

const pluginFields = object({
  type: filledText,
  capabilities: withDefault(dictionaryOf(flag), {}),
});

const singleFields = object({ name: networkName, cniVersion: unlessEmpty(text) });

/**
 * Reads a list, or a single plugin's configuration, which becomes a list of one.
 * Throws CniError 6, 1 or 7, ConfigError.
 */
export function parseNetworkList(json: string): NetworkList {
  const given = parseJsonObject(json);
  const document = "plugins" in given || !("type" in given) ? given : asList(given);
  return build(document, document === given ? json : JSON.stringify(document));
}

/** As libcni does with the deprecated form: name and version go up, the rest is the only plugin. */
function asList(single: Document): Document {
  const { name, cniVersion } = singleFields(single, "");
  return { cniVersion: cniVersion ?? versionIfMissing, name, plugins: [single] };
}

function build(document: Document, json: string): NetworkList {
  const fields = listFields(document, "");
  if (!fields.plugins && fields.loadOnlyInlinedPlugins) {
    throw new ConfigError("plugins", 'missing, but "loadOnlyInlinedPlugins" is true');
  }
  if (fields.plugins?.length === 0) throw new ConfigError("plugins", "names no plugin");
  return {
    name: fields.name,
    cniVersion: chooseVersion(fields.cniVersion, fields.cniVersions),
    disableCheck: fields.disableCheck,
    disableGC: fields.disableGC,
    plugins: (fields.plugins ?? []).map((raw, i) => pluginConf(raw, `plugins[${i}]`)),
    json,
  };
}

function pluginConf(raw: Document, path: string): PluginConf {
  const { type, capabilities } = pluginFields(raw, path);
  if (/[/\\]/.test(type)) wrong('a plugin\'s name without "/" or "\\"', type, `${path}.type`);
  const declared = Object.keys(capabilities).filter((name) => capabilities[name]);
  return { type, capabilities: declared, raw };
}

function chooseVersion(one: string | undefined, several: readonly string[]): SpecVersion {
  const named = one === undefined ? several : [...several, one];
  if (named.length === 0) return versionIfMissing;
  const best = specVersions.findLast((version) => named.includes(version));
  if (best) return best;
  throw new CniError(
    cniCodes.version,
    `No version of ${named.map(quoted).join(", ")} is supported`,
    `Supported versions: ${specVersions.join(", ")}`,
  );
}

/**
 * Reads a file. A list that doesn't say `loadOnlyInlinedPlugins` also gets the plugins in
 * `<folder of the file>/<network>/*.conf`, in the order of their names, at its end.
 * Throws CniError with the file's name.
 */
export function loadNetworkFile(file: string): NetworkList {
  try {
    const json = readFileSync(file, "utf8");
    const list = { ...parseNetworkList(json), file };
    return withPluginFiles(list);
  } catch (error) {
    const { code, message, details } = toCniError(error);
    throw new CniError(code, `Cannot use network file "${file}": ${message}`, details);
  }
}

function withPluginFiles(list: NetworkList & { readonly file: string }): NetworkList {
  const document = parseJsonObject(list.json);
  const inlinedOnly = listFields(document, "").loadOnlyInlinedPlugins;
  const folder = `${dirname(list.file)}/${list.name}`;
  const files = inlinedOnly ? [] : confFiles(folder, [".conf"]);
  if (files.length === 0) {
    if (list.plugins.length > 0) return list;
    throw new ConfigError("plugins", `missing, and there is no *.conf in "${folder}"`);
  }
  const added = files.map((file) => parseJsonObject(readFileSync(file, "utf8")));
  const plugins = [...list.plugins.map(({ raw }) => raw), ...added];
  const whole = { ...document, plugins, loadOnlyInlinedPlugins: true };
  return { ...build(whole, JSON.stringify(whole)), file: list.file };
}

/** Files of the folder with one of the endings, in the order of their names. */
function confFiles(folder: string, endings: readonly string[]): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && endings.some((end) => entry.name.endsWith(end)))
      .map((entry) => `${folder}/${entry.name}`)
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/** The networks of a folder, lists before single plugins, and the files that can't be used. */
export function networksIn(folder: string): {
  networks: NetworkList[];
  broken: CniError[];
} {
  const files = [[".conflist"], [".conf", ".json"]].flatMap((endings) =>
    confFiles(folder, endings),
  );
  const networks: NetworkList[] = [];
  const broken: CniError[] = [];
  for (const file of files) {
    try {
      networks.push(loadNetworkFile(file));
    } catch (error) {
      broken.push(toCniError(error));
    }
  }
  return { networks, broken };
}

/**
 * The first network of that name. Unlike libcni's, the search goes on past files that can't be
 * used, and names them only when it finds nothing. Throws CniError 7.
 */
export function findNetwork(name: string, folder: string): NetworkList {
  const { networks, broken } = networksIn(folder);
  const found = networks.find((network) => network.name === name);
  if (found) return found;
  const names = networks.map((network) => `"${network.name}"`);
  const there = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
  throw new CniError(
    cniCodes.config,
    `No network "${name}" in "${folder}": ${there}`,
    broken.map(({ message }) => message).join("; "),
  );
}
