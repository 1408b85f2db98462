/** What type `netloom` adds to its driver: options under a plugin's name. */
import type { Extra } from "../../drivers/extra.ts";
import { extras } from "../../drivers/extras.ts";
import { ConfigError } from "../../model/config-error.ts";
import { joinPath, quoted, record } from "../../model/parse.ts";
import type { Call } from "../plugin.ts";
import { parseExtra } from "./parse-extra.ts";

/** An extra with what the user asks of it. */
export interface WantedExtra {
  readonly extra: Extra<any>;
  readonly config: unknown;
}

/** Every extra that the configuration names, in the order of a chain. Throws ConfigError. */
export async function wantedExtras(call: Call): Promise<WantedExtra[]> {
  refuseMisspelt(call.conf.raw);
  refuseFlat(call.conf.raw);
  const wanted: WantedExtra[] = [];
  for (const [name, load] of Object.entries(extras)) {
    const { [name]: options } = call.conf.raw;
    if (!isGiven(options) && !isGiven(call.runtimeConfig[name])) continue;
    const extra = await load();
    const config = parse(call, extra, isGiven(options) ? record(options, name) : {});
    if (config !== undefined) wanted.push({ extra, config });
  }
  return wanted;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Its own options beside what the runtime gives; errors name the field by where it stands. */
function parse(call: Call, extra: Extra, options: Readonly<Record<string, unknown>>): unknown {
  const known = extra.keys.map((key) => key.toLowerCase());
  const unknown = Object.keys(options).find((key) => !known.includes(key.toLowerCase()));
  if (unknown !== undefined) {
    const list = extra.keys.map((key) => `"${key}"`).join(", ");
    throw new ConfigError(`${extra.name}.${unknown}`, `is no option: there are ${list}`);
  }
  const { runtimeConfig, args } = call.conf.raw;
  return underName(extra, () => parseExtra(call, extra, { ...options, runtimeConfig, args }));
}

/** Does a piece of work of the extra; its errors name the field by where it stands. */
export function underName<T>({ name }: Pick<Extra, "name">, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError) || /^(runtimeConfig|args|CNI_ARGS)\b/.test(error.path)) {
      throw error;
    }
    const text = error.message.slice(error.path === "" ? 0 : error.path.length + 2);
    throw new ConfigError(joinPath(name, error.path), text, { cause: error });
  }
}

/** A limit that is not in force for one wrong letter would be found out late. */
function refuseMisspelt(raw: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(extras);
  for (const [key, value] of Object.entries(raw)) {
    if (typeof value !== "object" || value === null || names.includes(key)) continue;
    const meant = names.find((name) => distance(name, key.toLowerCase()) <= 2);
    if (meant === undefined) continue;
    throw new ConfigError(key, `is no option, with ${quoted(value)}: is "${meant}" meant?`);
  }
}

/** Options that no driver has, with the plugin that they are of. */
const ofPlugin: Readonly<Record<string, string>> = {
  ingressRate: "bandwidth",
  ingressBurst: "bandwidth",
  egressRate: "bandwidth",
  egressBurst: "bandwidth",
  shapedSubnets: "bandwidth",
  unshapedSubnets: "bandwidth",
  ingressPolicy: "firewall",
  sysctl: "tuning",
  allmulti: "tuning",
  txQLen: "tuning",
  vrfname: "vrf",
};

/** Beside `driver`, where a published port's keys do stand, they would be passed over. */
function refuseFlat(raw: Readonly<Record<string, unknown>>): void {
  const key = Object.keys(raw).find((one) => Object.hasOwn(ofPlugin, one));
  if (key === undefined || !isGiven(raw[key])) return;
  const name = ofPlugin[key]!;
  throw new ConfigError(key, `belongs under its plugin's name: "${name}": {"${key}": …}`);
}

/** How many letters must be put in, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
