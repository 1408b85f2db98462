/** The host's network configurations, read leniently: what is wrong is a finding, not an error. */
import { type Finding, fault } from "./finding.ts";
import { type Host, namesIn, textOf } from "./host.ts";

/** One plugin's part of a network. */
export interface Configured {
  readonly file: string;
  readonly network: string;
  readonly type: string;
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface Configurations {
  readonly plugins: readonly Configured[];
  readonly faults: readonly Finding[];
}

export function readConfigurations(host: Host): Configurations {
  const plugins: Configured[] = [];
  const faults: Finding[] = [];
  const networks = new Map<string, string>();
  for (const name of namesIn(host, host.confDir)) {
    if (!/\.(conf|conflist|json)$/.test(name)) continue;
    const file = `${host.confDir}/${name}`;
    try {
      const found = readOne(file, textOf(host, file) ?? "");
      const [first] = found;
      const other = first && networks.get(first.network);
      if (first && other) faults.push(fault(twice(first.network, other, file), `rename one`));
      if (first) networks.set(first.network, file);
      plugins.push(...found);
    } catch (error) {
      faults.push(fault(`${file}: ${(error as Error).message}`, `correct ${file}`));
    }
  }
  return { plugins, faults };
}

const twice = (network: string, a: string, b: string) =>
  `Two files configure network "${network}": ${a} and ${b}`;

function readOne(file: string, text: string): Configured[] {
  const document: unknown = JSON.parse(text);
  if (!isRecord(document)) throw new Error("holds no JSON object");
  const { name, plugins } = document;
  if (typeof name !== "string" || name === "") throw new Error(`"name" is missing`);
  const list = plugins === undefined ? [document] : plugins;
  if (!Array.isArray(list)) throw new Error(`"plugins" is no list`);
  return list.map((raw: unknown, i) => {
    if (!isRecord(raw) || typeof raw.type !== "string" || raw.type === "") {
      throw new Error(`"plugins[${i}].type" is missing`);
    }
    return { file, network: name, type: raw.type, raw };
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The configured parent: `parent` in our words, `master` in the reference's. */
export function parentOf({ raw }: Configured): string | undefined {
  const name = raw.parent ?? raw.master ?? raw.uplink;
  return typeof name === "string" && name !== "" ? name : undefined;
}
