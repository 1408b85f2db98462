/** The configuration of the `dhcp` plugin: the reference keys, and which families are asked. */
import { ConfigError } from "../model/config-error.ts";
import type { DhcpOption, LeaseHolder, LeaseOrder } from "../model/dhcp.ts";
import {
  flag,
  listOf,
  object,
  oneOf,
  optional,
  type Parser,
  record,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import { parseSixth } from "./dhcp6-config.ts";

/** A checked configuration. */
export interface DhcpConfig {
  /** Where the daemon listens, if not where it does unless told otherwise. */
  readonly socketPath?: string;
  readonly order: Omit<LeaseOrder, "clientId">;
}

/**
 * Option names → numbers. The first six are the reference's; the others are dhcp-options(5)'s for
 * what reaches the result.
 */
const optionNumbers: Readonly<Record<string, number>> = {
  "dhcp-client-identifier": 61,
  "subnet-mask": 1,
  routers: 3,
  "host-name": 12,
  "user-class": 77,
  "vendor-class-identifier": 60,
  "domain-name-servers": 6,
  "domain-name": 15,
  "domain-search": 119,
  "interface-mtu": 26,
  "static-routes": 33,
  "classless-static-routes": 121,
};

/** What becomes part of the result. 121 goes before 3 and 33: RFC 3442. */
const requestedByDefault = [1, 121, 3, 33, 6, 15, 119, 26];
const mtuOption = 26;

/** What makes a message what it is, which no configuration may change. */
const reserved: Readonly<Record<number, string>> = {
  0: "fills gaps",
  52: "opens other fields for options",
  53: "is the message's type",
  54: "names the server",
  55: 'lists what is requested: use "request"',
  255: "ends the options",
};

/** As the reference: a name, or a number written as text. */
const optionNumber: Parser<number> = (value, path) => {
  const name = typeof value === "number" ? String(value) : text(value, path);
  if (Object.hasOwn(optionNumbers, name)) return optionNumbers[name]!;
  const number = /^\d{1,3}$/.test(name) ? Number(name) : 256;
  if (number <= 255) return number;
  const names = Object.keys(optionNumbers).join(", ");
  throw new ConfigError(path, `"${name}" is no DHCP option: a number up to 255, or ${names}`);
};

const nothing: Readonly<Record<string, unknown>> = {};

const document = object({
  mtu: (value) => value,
  args: withDefault(object({ cni: withDefault(record, nothing) }), { cni: nothing }),
  ipam: withDefault(
    object({
      daemonSocketPath: unlessEmpty(text),
      provide: listOf(
        object({
          option: optionNumber,
          value: withDefault(text, ""),
          fromArg: withDefault(text, ""),
        }),
      ),
      request: listOf(
        object({ skipDefault: withDefault(flag, false), option: unlessEmpty(optionNumber) }),
      ),
      conflictDetection: withDefault(optional(oneOf("fast", "rfc5227", "off")), "fast"),
      ipv4: withDefault(flag, true),
      ipv6: (value) => value,
    }),
    {
      ...{ daemonSocketPath: undefined, provide: [], request: [], conflictDetection: "fast" },
      ...{ ipv4: true, ipv6: undefined },
    },
  ),
});

/**
 * Checks a configuration, the document that the plugin gets whole. `cniArgs` is CNI_ARGS in pairs,
 * which `fromArg` names; the same in `args.cni` wins. Throws ConfigError.
 */
export function parseDhcp(input: unknown, cniArgs: ReadonlyMap<string, string>): DhcpConfig {
  const { mtu, args, ipam } = document(input, "");
  const argNamed = (name: string) => argOf(name, { cni: args.cni, cniArgs });
  const provide = ipam.provide.flatMap(({ option, value, fromArg }, i): DhcpOption[] => {
    const path = `ipam.provide[${i}]`;
    if (reserved[option]) {
      throw new ConfigError(`${path}.option`, `${option} ${reserved[option]}: leave it out`);
    }
    const given = argNamed(fromArg) ?? value;
    return given === "" ? [] : [{ code: option, value: hexOf(given, path) }];
  });
  const asked = ipam.request.flatMap(({ option }) => (option ? [option] : []));
  const skips = ipam.request.some(({ skipDefault }) => skipDefault);
  // The network's own MTU stands above the server's.
  const isMtuGiven = typeof mtu === "number" && mtu > 0;
  const defaults = requestedByDefault.filter((code) => code !== mtuOption || !isMtuGiven);
  const request = [...new Set([...asked, ...(skips ? [] : defaults)])];
  const { daemonSocketPath: socketPath, conflictDetection = "fast" } = ipam;
  const valid = request.filter((code) => code > 0 && code < 255);
  const v6 = parseSixth(ipam.ipv6, argNamed);
  if (!ipam.ipv4 && !v6) {
    throw new ConfigError("ipam.ipv4", 'false leaves nothing to ask for: set "ipv6" to true');
  }
  return {
    ...(socketPath !== undefined && { socketPath: absolute(socketPath) }),
    order: {
      ...(ipam.ipv4 && { v4: { request: valid, provide, conflictDetection } }),
      ...(v6 && { v6: { ...v6, conflictDetection } }),
    },
  };
}

/** Only where the daemon is, for DEL and GC, which must not fail for what they don't need. */
export function daemonSocketOf(input: unknown): string | undefined {
  try {
    const place = object({ ipam: object({ daemonSocketPath: unlessEmpty(text) }) })(input, "");
    return place.ipam.daemonSocketPath;
  } catch {
    return undefined;
  }
}

function argOf(
  name: string,
  {
    cni,
    cniArgs,
  }: { cni: Readonly<Record<string, unknown>>; cniArgs: ReadonlyMap<string, string> },
): string | undefined {
  if (name === "") return undefined;
  const inConfig = Object.hasOwn(cni, name) ? cni[name] : undefined;
  return typeof inConfig === "string" ? inConfig : cniArgs.get(name);
}

const longestOption = 255;

function hexOf(value: string, path: string): string {
  const bytes = new TextEncoder().encode(value);
  if (bytes.length <= longestOption) return bytes.toHex();
  throw new ConfigError(path, `gives a value of ${bytes.length} bytes: ${longestOption} fit`);
}

function absolute(path: string): string {
  if (path.startsWith("/")) return path;
  throw new ConfigError("ipam.daemonSocketPath", `"${path}" must begin with "/"`);
}

const longestName = 254;

/**
 * How a server knows the container: as the reference names it, so that who comes from there keeps
 * his address. The first byte says that it is no hardware address (RFC 2132 section 9.14).
 */
export function clientIdOf({ containerId, network, ifName }: LeaseHolder): string {
  const name = new TextEncoder().encode(`${containerId}/${network}/${ifName}`);
  return `00${name.subarray(0, longestName).toHex()}`;
}
