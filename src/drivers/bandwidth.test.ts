/** What `bandwidth` reads, and what it wants of the kernel. */
import { describe, expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { bandwidth } from "./bandwidth.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import type { AttachedPort } from "./extra.ts";

const port: AttachedPort = { ...plainPort, hostMtu: 1400, via: {} };
const ingress = { ingressRate: 20_000_000, ingressBurst: 800_000 };
const egress = { egressRate: 10_000_000, egressBurst: 400_000 };

const objectsOf = (raw: object, host = plainHost) => {
  const config = bandwidth.parse(raw as Record<string, unknown>);
  return config ? bandwidth.objects(port, config, host) : [];
};

describe("what is read", () => {
  const twenty = { ingress: { rateBytes: 2_500_000, burstBytes: 100_000 } };
  const cases: [string, object, object | undefined][] = [
    ["nothing", {}, undefined],
    ["zeros", { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }, undefined],
    ["nulls", { ingressRate: null, ingressBurst: null }, undefined],
    ["one direction", ingress, twenty],
    ["other cases of letters", { INGRESSRATE: 20_000_000, ingressburst: 800_000 }, twenty],
    ["the runtime's", { runtimeConfig: { bandwidth: ingress } }, twenty],
    [
      "the configuration's, before the runtime's",
      { ...ingress, runtimeConfig: { bandwidth: egress } },
      twenty,
    ],
    [
      "a zero in the configuration, before the runtime's",
      { egressRate: 0, runtimeConfig: { bandwidth: ingress } },
      undefined,
    ],
    ["nothing of a runtime that says nothing", { runtimeConfig: { bandwidth: null } }, undefined],
    [
      "bits that are no whole byte",
      { ingressRate: 15, ingressBurst: 9 },
      { ingress: { rateBytes: 1, burstBytes: 1 } },
    ],
    [
      "subnets, once each and without host bits",
      { ...ingress, unshapedSubnets: ["10.1.2.3/8", "10.0.0.0/8", "fd00::1/64"] },
      { ...twenty, subnets: { shaped: false, prefixes: ["10.0.0.0/8", "fd00::/64"] } },
    ],
    [
      "subnets beside the runtime's rates",
      { shapedSubnets: ["10.0.0.0/8"], runtimeConfig: { bandwidth: ingress } },
      { ...twenty, subnets: { shaped: true, prefixes: ["10.0.0.0/8"] } },
    ],
    ["no limits, whatever the subnets", { shapedSubnets: ["10.0.0.0/8"] }, undefined],
  ];
  for (const [name, raw, expected] of cases) {
    test(name, () =>
      expect(bandwidth.parse(raw as Record<string, unknown>)).toEqual(expected as never),
    );
  }

  const refused: [string, object, string][] = [
    ["a rate without burst", { ingressRate: 800 }, "ingressBurst"],
    ["a burst without rate", { egressBurst: 800 }, "egressRate"],
    ["less than a byte", { ingressRate: 7, ingressBurst: 800 }, "ingressRate"],
    ["a burst below a byte", { ingressRate: 800, ingressBurst: 1 }, "ingressBurst"],
    ["a burst of 4 GiB", { ingressRate: 1e9, ingressBurst: 34359738360 }, "ingressBurst"],
    ["a negative rate", { ingressRate: -1, ingressBurst: 8 }, "ingressRate"],
    ["a fraction", { ingressRate: 1.5, ingressBurst: 8 }, "ingressRate"],
    ["a rate in words", { ingressRate: "20M", ingressBurst: 8 }, "ingressRate"],
    [
      "the runtime's rate without burst",
      { runtimeConfig: { bandwidth: { egressRate: 800 } } },
      "runtimeConfig.bandwidth.egressBurst",
    ],
    [
      "a runtime's limit that is none",
      { runtimeConfig: { bandwidth: [1] } },
      "runtimeConfig.bandwidth",
    ],
    ["a subnet that is none", { ...ingress, shapedSubnets: ["10.0.0.0"] }, "shapedSubnets[0]"],
    [
      "both lists",
      { ...ingress, shapedSubnets: ["10.0.0.0/8"], unshapedSubnets: ["fd00::/8"] },
      "unshapedSubnets",
    ],
  ];
  for (const [name, raw, path] of refused) {
    test(`refused: ${name}`, () => {
      let found: unknown;
      try {
        bandwidth.parse(raw as Record<string, unknown>);
      } catch (error) {
        found = error;
      }
      expect(found).toBeInstanceOf(ConfigError);
      expect((found as ConfigError).path).toBe(path);
    });
  }
});

describe("what is wanted", () => {
  test("towards the container: a bucket on the host's end, and 25 ms to wait", () => {
    expect(objectsOf(ingress)).toEqual([
      {
        ...{ netns: "host", scope: `att:${port.id}`, life: "exclusive", kind: "qdisc" },
        ...{ link: port.hostLink!, parent: "root", handle: "108:", type: "tbf" },
        ...{ rateBytes: 2_500_000, burstBytes: 100_000, limitBytes: 162_500 },
      },
    ]);
  });

  test("from the container: an ifb of the same MTU that sends for it", () => {
    const objects = objectsOf(egress);
    const [ifb] = ofKind("link", objects);
    expect(ifb).toMatchObject({ type: "ifb", mtu: 1400, alias: port.alias, up: true });
    expect(ifb!.name).toBe("bwp0123456789ab");
    expect(ofKind("qdisc", objects)).toMatchObject([
      { link: ifb!.name, type: "tbf", rateBytes: 1_250_000, burstBytes: 50_000 },
      { link: port.hostLink, type: "ingress", handle: "ffff:" },
    ]);
    expect(ofKind("filter", objects)).toMatchObject([
      { link: port.hostLink, parent: "ffff:", protocol: "all", redirect: ifb!.name },
    ]);
  });

  test("a second link of the container to the network has an ifb of its own name", () => {
    const sha512 = (text: string) => (text.endsWith("eth0") ? "second name" : "first  name");
    const taken = { index: 9, mac: "", mtu: 1500, up: true };
    const link = ({ name }: { name: string }) => (name === "bwpfirst  name" ? taken : undefined);
    const host = { ...plainHost, sha512, link };
    expect(ofKind("link", objectsOf(egress, host))[0]!.name).toBe("bwpsecond name");
  });

  const directions = [["src", ingress] as const, ["dst", egress] as const];
  test.each(directions)("some subnets go free, by the %s address", (field, limits) => {
    const objects = objectsOf({ ...limits, unshapedSubnets: ["10.0.0.0/8", "fd00::/64"] });
    expect(ofKind("qdisc", objects)[0]).toMatchObject({ type: "htb", defaultClass: 2 });
    expect(ofKind("filter", objects).slice(0, 2)).toMatchObject([
      { priority: 1, protocol: "ip", match: { field, prefix: "10.0.0.0/8" }, classId: "108:1" },
      { priority: 2, protocol: "ipv6", match: { field, prefix: "fd00::/64" }, classId: "108:1" },
    ]);
  });

  test("some subnets alone are limited", () => {
    const objects = objectsOf({ ...ingress, shapedSubnets: ["10.0.0.0/8"] });
    expect(ofKind("qdisc", objects)).toMatchObject([{ type: "htb", defaultClass: 1 }]);
    expect(ofKind("filter", objects)).toMatchObject([{ classId: "108:2" }]);
  });

  test("a queue that no 32 bits can count is as long as they can", () => {
    const objects = objectsOf({ ingressRate: 8e12, ingressBurst: 8e9 });
    expect(ofKind("qdisc", objects)).toMatchObject([{ limitBytes: 0xffffffff }]);
  });

  test("a link without an end on the host is refused", () => {
    const { hostLink: _, ...childless } = port;
    const config = bandwidth.parse(ingress)!;
    expect(() => bandwidth.objects(childless, config, plainHost)).toThrow(
      '"bandwidth" needs the host\'s end',
    );
  });
});
