/** The file of contexts: servers that a person uses, and who they are there. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readYaml } from "../output/read-yaml.ts";
import { yaml } from "../output/yaml.ts";

/** A server, or several that stand in for each other, and who asks. */
export interface Context {
  readonly name: string;
  /** `unix:/path` or `https://host:7440`. */
  readonly servers: readonly string[];
  readonly namespace?: string;
  /** Paths of PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Path of a file that holds the token. */
  readonly tokenFile?: string;
}

export interface Config {
  readonly current?: string;
  readonly contexts: readonly Context[];
}

const texts = ["namespace", "ca", "cert", "key", "token", "tokenFile"] as const;

/** `$NETLOOM_CONFIG`, or `netloom/config.yaml` in `$XDG_CONFIG_HOME` or `~/.config`. */
export function configPath(env: Readonly<Record<string, string | undefined>>): string {
  if (env.NETLOOM_CONFIG) return env.NETLOOM_CONFIG;
  return `${env.XDG_CONFIG_HOME || `${env.HOME || "/root"}/.config`}/netloom/config.yaml`;
}

/** Without a file: no contexts. Throws an Error that names the path and what is wrong. */
export function readConfig(path: string): Config {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return { contexts: [] };
    throw new Error(`Cannot read the contexts in "${path}": ${(error as Error).message}`);
  }
  try {
    return parseConfig(text);
  } catch (error) {
    throw new Error(`Cannot read the contexts in "${path}": ${(error as Error).message}`);
  }
}

/** Only its owner may read it: it may hold tokens. */
export function writeConfig(path: string, { current, contexts }: Config): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.new`;
  writeFileSync(fresh, yaml({ current, contexts }), { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, path);
}

/** Throws an Error that names the field. */
export function parseConfig(text: string): Config {
  const file = record(readYaml(text) ?? {}, "the file");
  const contexts = file.contexts ?? [];
  if (!Array.isArray(contexts)) throw new Error('"contexts" must be a list');
  return {
    current: optionalText(file, "current", "current"),
    contexts: contexts.map((each, at) => context(record(each, `contexts[${at}]`), at)),
  };
}

function context(fields: Readonly<Record<string, unknown>>, at: number): Context {
  const place = `contexts[${at}]`;
  const name = optionalText(fields, "name", `${place}.name`);
  if (name === undefined) throw new Error(`"${place}.name" is missing`);
  const { servers } = fields;
  const isList = Array.isArray(servers) && servers.every((each) => typeof each === "string");
  if (!isList || servers.length === 0) {
    throw new Error(`"${place}.servers" must be a list of unix:/path or https://host:port`);
  }
  const given = texts.flatMap((field) => {
    const value = optionalText(fields, field, `${place}.${field}`);
    return value === undefined ? [] : [[field, value] as const];
  });
  return { name, servers, ...Object.fromEntries(given) };
}

function record(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error(`${place} must be a map of fields`);
}

function optionalText(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  place: string,
): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`"${place}" must be text`);
}
