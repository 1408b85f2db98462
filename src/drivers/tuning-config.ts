/** The configuration of `tuning`, as the reference plugin has it. */
import { ConfigError } from "../model/config-error.ts";
import {
  dictionaryOf,
  flag,
  integer,
  macAddress,
  object,
  optional,
  type Parsed,
  record,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import { mtu } from "./mtu.ts";

const queueLength = integer(0, 0xffffffff);

const settings = {
  sysctl: withDefault(dictionaryOf(optional(text)), {}),
  mac: unlessEmpty(macAddress),
  mtu,
  allmulti: optional(flag),
  txQLen: optional(queueLength),
};

const fields = object({
  ...settings,
  promisc: withDefault(flag, false),
  dataDir: unlessEmpty(text),
});

/** `args.cni`: each field that is there counts more than the configuration's. */
const argFields = object({ ...settings, promisc: optional(flag) });

const inputs = object({
  runtimeConfig: withDefault(object({ mac: unlessEmpty(macAddress) }), { mac: undefined }),
  args: withDefault(object({ cni: optional(argFields) }), { cni: undefined }),
});

type Fields = Parsed<typeof fields>;

/** One sysctl as the user wrote it. */
export interface ConfiguredSysctl {
  /** The user's key: what an allow-list is about. */
  readonly key: string;
  /** Below /proc/sys, with `IFNAME` where the link's name belongs. */
  readonly path: string;
  readonly value: string;
}

/** What to change. Absent fields stay as they are. */
export interface TuningConfig {
  readonly sysctls: readonly ConfiguredSysctl[];
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly promisc?: true;
  readonly allmulti?: boolean;
  readonly txQueueLength?: number;
}

/** Where the reference keeps what it changed, unless `dataDir` says otherwise. */
export const referenceDataDir = "/run/cni/tuning";

/**
 * Checks a `tuning` configuration; undefined if it changes nothing. `args.cni` counts more than
 * `runtimeConfig`, that more than `argsMac` (CNI_ARGS), that more than the rest, as with the
 * reference. Throws ConfigError.
 */
export function parseTuningConfig(
  input: Readonly<Record<string, unknown>>,
  argsMac?: string,
): TuningConfig | undefined {
  const own = fields(record(input, ""), "");
  const { runtimeConfig, args } = inputs(input, "");
  const wish = args.cni;
  const sysctls = [
    ...sysctlsOf(own.sysctl, "sysctl"),
    ...sysctlsOf(wish?.sysctl ?? {}, "args.cni.sysctl"),
  ];
  const byKey = new Map(sysctls.map((sysctl) => [sysctl.key, sysctl]));
  const config: TuningConfig = {
    sysctls: [...byKey.values()],
    ...given({
      mac:
        wish?.mac ??
        runtimeConfig.mac ??
        unlessEmpty(macAddress)(argsMac, "CNI_ARGS MAC") ??
        own.mac,
      mtu: wish?.mtu || own.mtu || undefined,
      promisc: (wish?.promisc ?? own.promisc) || undefined,
      allmulti: wish?.allmulti ?? own.allmulti,
      txQueueLength: wish?.txQLen ?? own.txQLen,
    }),
  };
  return config.sysctls.length > 0 || Object.keys(config).length > 1 ? config : undefined;
}

/** The fields that hold something. */
function given<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** An empty value changes nothing: the reference writes no bytes then. */
function sysctlsOf(values: Fields["sysctl"], field: string): ConfiguredSysctl[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const path = sysctlPath(key, field);
    return value === undefined || value === "" ? [] : [{ key, path, value }];
  });
}

/**
 * `net.ipv4.conf.IFNAME.arp_filter` as a path. As in sysctl(8), a key whose first separator is a
 * slash keeps its dots: links' names may hold them. Nothing but the network's settings, which are
 * the namespace's own: others are the whole machine's.
 */
function sysctlPath(key: string, field: string): string {
  const slashes = /^[^.]*\//.test(key);
  const parts = key.split(slashes ? "/" : /[./]/).filter((part) => part !== "");
  const path = parts.join("/");
  if (parts.includes("..") || parts.includes(".") || path.includes("\0")) {
    throw new ConfigError(`${field}["${key}"]`, "leads elsewhere: name it without dots of a path");
  }
  if (parts[0] === "net" && parts.length > 1) return path;
  throw new ConfigError(
    `${field}["${key}"]`,
    'is no setting of the network: only keys that begin with "net." may be set',
  );
}
