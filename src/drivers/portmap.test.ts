/** Which elements publish which ports. */
import { describe, expect, test } from "bun:test";
import type { NftElementObject, NftValue } from "../model/kernel-object.ts";
import { ofKind, sysctlsOf } from "./driver-fixture.ts";
import { type PortMapping, type Publication, portmapObjects } from "./portmap.ts";

const publication = (
  mappings: readonly PortMapping[],
  more: Partial<Publication> = {},
): Publication => ({
  id: "0123456789abcdef",
  alias: "netloom:cni:0123456789abcdef",
  ips: [{ address: "10.1.0.5/24" }, { address: "fd00::5/64" }],
  via: { 4: "cni0", 6: "cni0" },
  mappings,
  snat: true,
  masqAll: false,
  ...more,
});

const tcp = (more: Partial<PortMapping> = {}): PortMapping => ({
  hostPort: 8080,
  containerPort: 80,
  protocol: "tcp",
  ...more,
});

const words = (values: readonly NftValue[]) => values.flatMap(Object.values).join(" . ");

/** `set { key : data }` of each element. */
function text({ set, key, data }: NftElementObject): string {
  return `${set} ${words(key)}${data && "values" in data ? ` : ${words(data.values)}` : ""}`;
}

const elements = (...given: Parameters<typeof publication>) =>
  ofKind("nft-element", portmapObjects(publication(...given))).map(text);
const translations = (...given: Parameters<typeof publication>) =>
  elements(...given).filter((line) => line.startsWith("publish"));

describe("a published port", () => {
  const cases: [string, PortMapping, string[]][] = [
    [
      "serves both families without a host address",
      tcp(),
      ["publish4 6 . 8080 : 10.1.0.5 . 80", "publish6 6 . 8080 : fd00::5 . 80"],
    ],
    ["serves IPv4 at 0.0.0.0", tcp({ hostIP: "0.0.0.0" }), ["publish4 6 . 8080 : 10.1.0.5 . 80"]],
    ["serves IPv6 at ::", tcp({ hostIP: "::" }), ["publish6 6 . 8080 : fd00::5 . 80"]],
    [
      "serves one address",
      tcp({ hostIP: "192.0.2.1" }),
      ["publish4_at 192.0.2.1 . 6 . 8080 : 10.1.0.5 . 80"],
    ],
    [
      "serves one address of IPv6",
      tcp({ hostIP: "2001:db8::1", protocol: "udp" }),
      ["publish6_at 2001:db8::1 . 17 . 8080 : fd00::5 . 80"],
    ],
    [
      "takes SCTP",
      tcp({ hostIP: "0.0.0.0", protocol: "sctp" }),
      ["publish4 132 . 8080 : 10.1.0.5 . 80"],
    ],
    [
      "takes as many ports in a row as its range says",
      tcp({ hostIP: "0.0.0.0", range: 3 }),
      [0, 1, 2].map((n) => `publish4 6 . ${8080 + n} : 10.1.0.5 . ${80 + n}`),
    ],
  ];
  test.each(cases)("%s", (_, mapping, lines) => {
    expect(translations([mapping])).toEqual(lines);
  });

  test("needs nothing where no address of its family is", () => {
    expect(elements([tcp({ hostIP: "::" })], { ips: [{ address: "10.1.0.5/24" }] })).toEqual([]);
    expect(elements([])).toEqual([]);
  });

  test("bears the attachment's mark in every element, each its own", () => {
    const objects = ofKind("nft-element", portmapObjects(publication([tcp()], { masqAll: true })));
    expect(new Set(objects.map(({ comment, life }) => `${comment} ${life}`))).toEqual(
      new Set(["netloom:cni:0123456789abcdef exclusive"]),
    );
  });
});

describe("answers come back", () => {
  const rest = (...given: Parameters<typeof publication>) =>
    elements(...given).filter((line) => !line.startsWith("publish"));

  test("through the host with snat: to its own network, and to 127.0.0.1", () => {
    expect(rest([tcp()])).toEqual([
      "hairpin4 cni0 . cni0 . 10.1.0.5",
      "localnet_targets 10.1.0.5",
      "hairpin6 cni0 . cni0 . fd00::5",
    ]);
    expect(sysctlsOf(portmapObjects(publication([tcp()])))).toEqual([
      "net/ipv4/conf/cni0/route_localnet=1",
    ]);
  });

  test("to others alone without hairpin", () => {
    expect(rest([tcp()], { hairpin: false, snat: false })).toEqual([
      "unreflected4 10.1.0.5 . 10.1.0.5",
      "unreflected6 fd00::5 . fd00::5",
    ]);
  });

  test("by themselves without snat", () => {
    expect(rest([tcp()], { snat: false })).toEqual([]);
  });

  test("through the host always with masqAll", () => {
    expect(rest([tcp()], { snat: false, masqAll: true })).toEqual([
      "masquerade_all4 10.1.0.5",
      "masquerade_all6 fd00::5",
    ]);
  });

  test("by themselves where the host has no link to the container", () => {
    expect(rest([tcp()], { via: {} })).toEqual([]);
  });
});
