/** What `static` gives and refuses: the same as the reference's 1.9.1, but for stated cases. */
import { describe, expect, test } from "bun:test";
import type { ConfigError } from "../model/config-error.ts";
import { CheckError } from "./errors.ts";
import { staticIpam } from "./static.ts";

interface Document {
  ipam?: unknown;
  cniArgs?: Record<string, string>;
  [key: string]: unknown;
}

const paths = { stateDir: "/nowhere", runDir: "/nowhere" };
const attachment = { containerId: "c1", ifName: "eth0" };

const parse = ({ cniArgs = {}, ...document }: Document) =>
  staticIpam.parse(
    { cniVersion: "1.0.0", name: "n", ...document },
    new Map(Object.entries(cniArgs)),
  );
const add = (document: Document) => staticIpam.add(parse(document), attachment, paths).result;
/** `10.1.0.5/24 via 10.1.0.1`. */
const ips = (document: Document) =>
  add(document).ips.map(({ address, gateway }) =>
    gateway ? `${address} via ${gateway}` : address,
  );
const addresses = (...list: unknown[]) => ({ ipam: { addresses: list } });

describe("addresses", () => {
  const five = { address: "10.1.0.5/24", gateway: "10.1.0.1" };
  const IP = "10.1.0.7/24";
  const good: [string, Document, string[]][] = [
    ["one with gateway", addresses(five), ["10.1.0.5/24 via 10.1.0.1"]],
    ["none", { ipam: {} }, []],
    ["null", { ipam: { addresses: null } }, []],
    [
      "an empty gateway as none",
      addresses({ address: "10.1.0.5/24", gateway: "" }),
      ["10.1.0.5/24"],
    ],
    [
      "a gateway outside the network",
      addresses({ ...five, gateway: "10.2.0.1" }),
      ["10.1.0.5/24 via 10.2.0.1"],
    ],
    ["the network's own address", addresses({ address: "10.1.0.0/24" }), ["10.1.0.0/24"]],
    [
      "two of a family",
      addresses({ address: "10.1.0.5/24" }, { address: "10.2.0.5/24" }),
      ["10.1.0.5/24", "10.2.0.5/24"],
    ],
    [
      "one a family at 0.2.0",
      { cniVersion: "0.2.0", ...addresses({ address: "10.1.0.5/24" }, { address: "FD00::5/64" }) },
      ["10.1.0.5/24", "fd00::5/64"],
    ],
    ["IPv4 written as IPv6", addresses({ address: "::ffff:10.1.0.5/120" }), ["10.1.0.5/24"]],
    ["CNI_ARGS", { ...addresses(), cniArgs: { IP } }, ["10.1.0.7/24"]],
    [
      "two in CNI_ARGS",
      { ...addresses(), cniArgs: { IP: "10.1.0.7/24, fd00::7/64" } },
      ["10.1.0.7/24", "fd00::7/64"],
    ],
    [
      "CNI_ARGS after the configured ones",
      { ...addresses({ address: "10.2.0.7/24" }), cniArgs: { IP } },
      ["10.2.0.7/24", "10.1.0.7/24"],
    ],
    [
      "gateways for those of CNI_ARGS alone",
      { ...addresses({ address: "10.2.0.7/24" }), cniArgs: { IP, GATEWAY: "10.1.0.1,10.2.0.1" } },
      ["10.2.0.7/24", "10.1.0.7/24 via 10.1.0.1"],
    ],
    [
      "a gateway outside as none",
      { ...addresses(), cniArgs: { IP, GATEWAY: "10.9.0.1" } },
      ["10.1.0.7/24"],
    ],
    [
      "the last gateway that fits",
      { ...addresses(), cniArgs: { IP, GATEWAY: "10.1.0.1,10.1.0.2" } },
      ["10.1.0.7/24 via 10.1.0.2"],
    ],
    ["empty CNI_ARGS as nothing", { ...addresses(), cniArgs: { IP: "", GATEWAY: "" } }, []],
    [
      "args.cni.ips instead of the configured",
      { ...addresses(five), args: { cni: { ips: ["10.1.0.8/24"] } } },
      ["10.1.0.8/24"],
    ],
    [
      "args.cni.ips instead of CNI_ARGS",
      {
        ...addresses(),
        args: { cni: { ips: ["10.1.0.8/24"] } },
        cniArgs: { IP, GATEWAY: "10.1.0.1" },
      },
      ["10.1.0.8/24"],
    ],
    [
      "the ips capability instead of the configured",
      { ...addresses(five), runtimeConfig: { ips: ["10.1.0.8/24"] } },
      ["10.1.0.8/24"],
    ],
    [
      "the ips capability instead of args.cni.ips",
      {
        ...addresses(),
        args: { cni: { ips: ["10.1.0.8/24"] } },
        runtimeConfig: { ips: ["10.1.0.9/24"] },
      },
      ["10.1.0.9/24"],
    ],
    [
      "an empty ips capability as none",
      { ...addresses(five), runtimeConfig: { ips: null } },
      ["10.1.0.5/24 via 10.1.0.1"],
    ],
  ];
  test.each(good)("may be %s", (_name, document, expected) => {
    expect(ips(document)).toEqual(expected);
  });

  const bad: [string, Document, string, string][] = [
    ["no ipam", {}, "ipam", "missing"],
    [
      "without length",
      addresses({ address: "10.1.0.5" }),
      "ipam.addresses[0].address",
      '"10.1.0.5"',
    ],
    ["without address", addresses({ gateway: "10.1.0.1" }), "ipam.addresses[0].address", "missing"],
    ["null", addresses(null), "ipam.addresses[0]", "missing"],
    [
      "beside a gateway of the other family",
      addresses({ address: "10.1.0.5/24", gateway: "fd00::1" }),
      "ipam.addresses[0].gateway",
      "another family",
    ],
    [
      "two of a family at 0.2.0",
      { cniVersion: "0.2.0", ...addresses({ address: "10.1.0.5/24" }, { address: "10.2.0.5/24" }) },
      "ipam.addresses",
      '"0.2.0" holds one',
    ],
    [
      "without length in CNI_ARGS",
      { ...addresses(), cniArgs: { IP: "10.1.0.7" } },
      "CNI_ARGS IP",
      '"10.1.0.7"',
    ],
    [
      "beside a wrong gateway in CNI_ARGS",
      { ...addresses(), cniArgs: { IP: "10.1.0.7/24", GATEWAY: "x" } },
      "CNI_ARGS GATEWAY",
      '"x"',
    ],
    [
      "without length in args.cni.ips",
      { ...addresses(), args: { cni: { ips: ["10.1.0.8"] } } },
      "args.cni.ips[0]",
      '"10.1.0.8"',
    ],
    [
      "without length in the ips capability",
      { ...addresses(), runtimeConfig: { ips: ["10.1.0.8"] } },
      "runtimeConfig.ips[0]",
      '"10.1.0.8"',
    ],
    [
      "beside nameservers that are no list",
      { ipam: { dns: { nameservers: "8.8.8.8" } } },
      "ipam.dns.nameservers",
      "must be a list",
    ],
  ];
  test.each(bad)("are refused %s", (_name, document, path, message) => {
    let error: unknown;
    try {
      parse(document);
    } catch (caught) {
      error = caught;
    }
    expect((error as ConfigError)?.path).toBe(path);
    expect((error as ConfigError).message).toContain(message);
  });
});

test("routes and resolver pass into the result, without what is empty", () => {
  const ipam = {
    addresses: [{ address: "10.1.0.5/24" }],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }],
    dns: { nameservers: ["8.8.8.8"], domain: "", search: [], options: ["ndots:5"] },
  };
  expect(add({ ipam })).toEqual({
    ips: [{ address: "10.1.0.5/24" }],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }],
    dns: { nameservers: ["8.8.8.8"], options: ["ndots:5"] },
  });
});

describe("CHECK", () => {
  const config = parse(addresses({ address: "10.1.0.5/24", gateway: "10.1.0.1" }));
  const check = (...result: { address: string; gateway?: string }[]) =>
    staticIpam.check(config, { ...attachment, result }, paths);

  test("is content with the result of ADD, and with one that lacks the address", () => {
    check({ address: "10.1.0.5/24", gateway: "10.1.0.1" });
    check({ address: "10.1.0.6/24" });
    check();
  });

  test("fails if the address has another gateway, or none", () => {
    expect(() => check({ address: "10.1.0.5/24", gateway: "10.1.0.2" })).toThrow(CheckError);
    expect(() => check({ address: "10.1.0.5/24" })).toThrow('gateway "10.1.0.1"');
  });
});

test("DEL, GC and STATUS have nothing to do", () => {
  staticIpam.del(staticIpam.parsePlace("nonsense"), attachment, paths);
  staticIpam.gc(undefined, [], paths);
  staticIpam.status(parse(addresses()), paths);
});
