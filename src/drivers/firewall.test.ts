/** What `firewall` reads, and what it wants of our tables. */
import { describe, expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import type { AttachedPort } from "./extra.ts";
import { firewall } from "./firewall.ts";

const { hostLink, ...rest } = plainPort;
const unlinked: AttachedPort = { ...rest, via: {} };
const bridged: AttachedPort = { ...plainPort, bridge: "br0", via: { 4: "br0", 6: "br0" } };
const pointed: AttachedPort = { ...plainPort, via: { 4: hostLink, 6: hostLink } };

const objectsOf = (raw: object, port = bridged, host = plainHost) =>
  firewall.objects(port, firewall.parse(raw as Record<string, unknown>)!, host);

/** `set: link link, life` of all elements. */
const elementsOf = (...of: Parameters<typeof objectsOf>) =>
  ofKind("nft-element", objectsOf(...of)).map(({ set, key, life }) => {
    const names = key.map((value) => ("ifname" in value ? value.ifname : "?"));
    return `${set}: ${names.join(" ")}, ${life}`;
  });

describe("what is read", () => {
  const cases: [string, object, object][] = [
    ["nothing", {}, { policy: "open" }],
    ["empty texts", { ingressPolicy: "", iptablesAdminChainName: "" }, { policy: "open" }],
    ["any backend and zone", { backend: "nope", firewalldZone: "x" }, { policy: "open" }],
    ["the shared chain by its name", { iptablesAdminChainName: "CNI-ADMIN" }, { policy: "open" }],
    [
      "a chain of its own",
      { iptablesAdminChainName: "a:b c".replace(" ", "/") },
      { policy: "open", adminChain: "admin-a_b_c" },
    ],
  ];
  test.each(cases)("%s", (_, raw, expected) => {
    expect(firewall.parse(raw as Record<string, unknown>)).toEqual(expected as never);
  });

  const refused: [string, object, string][] = [
    ["another policy", { ingressPolicy: "closed" }, "ingressPolicy"],
    ["a policy as a number", { ingressPolicy: 1 }, "ingressPolicy"],
    ["a backend as a number", { backend: 1 }, "backend"],
    ["a zone as a list", { firewalldZone: [] }, "firewalldZone"],
    ["a chain with a space", { iptablesAdminChainName: "a b" }, "iptablesAdminChainName"],
    ["a chain like an option", { iptablesAdminChainName: "-x" }, "iptablesAdminChainName"],
    ["a target of iptables", { iptablesAdminChainName: "DROP" }, "iptablesAdminChainName"],
    ["a long name", { iptablesAdminChainName: "x".repeat(29) }, "iptablesAdminChainName"],
  ];
  test.each(refused)("refused: %s", (_, raw, path) => {
    expect(() => firewall.parse(raw as Record<string, unknown>)).toThrow(ConfigError);
    expect(() => firewall.parse(raw as Record<string, unknown>)).toThrow(`${path}: `);
  });
});

describe("what is wanted", () => {
  test("nothing, where all may come and nobody is in the way", () => {
    expect(objectsOf({})).toEqual([]);
    expect(objectsOf({}, unlinked)).toEqual([]);
  });

  test("a bridge's elements go with its last port, a link's own with the link", () => {
    expect(elementsOf({ ingressPolicy: "same-bridge" })).toEqual([
      "isolating: br0, counted",
      "same_bridge: br0 br0, counted",
    ]);
    expect(elementsOf({ ingressPolicy: "isolated" })).toEqual([
      "isolating: br0, counted",
      "isolated: br0, counted",
      `isolated_ports: ${hostLink}, exclusive`,
    ]);
    expect(elementsOf({ ingressPolicy: "isolated" }, pointed)).toEqual([
      `isolating: ${hostLink}, exclusive`,
      `isolated: ${hostLink}, exclusive`,
    ]);
  });

  test("the leg of a VLAN is one of the bridge's links, the way to elsewhere is not", () => {
    const leg = { ...bridged, via: { 4: "br0.100", 6: "eth0" } };
    expect(elementsOf({ ingressPolicy: "same-bridge" }, leg)).toEqual([
      "isolating: br0, counted",
      "same_bridge: br0 br0, counted",
      "isolating: br0.100, counted",
      "same_bridge: br0.100 br0.100, counted",
    ]);
  });

  test("a chain of the network's own is made, never emptied, and reached by its link", () => {
    const objects = objectsOf({ iptablesAdminChainName: "office" });
    expect(ofKind("nft-chain", objects)).toMatchObject([
      { chain: "admin-office", rules: [], kept: true, life: "shared" },
    ]);
    expect(ofKind("nft-element", objects)).toMatchObject([
      { set: "admin", key: [{ ifname: "br0" }], data: { jump: "admin-office" } },
    ]);
  });

  test("where another firewall may drop, it lets the container's families pass", () => {
    const host = { ...plainHost, foreignForward: () => [4] as const };
    const objects = objectsOf({}, bridged, host);
    expect(ofKind("foreign-accept", objects)).toMatchObject([{ family: 4, life: "shared" }]);
    expect(elementsOf({}, bridged, host)).toEqual(["forwarded: br0, shared"]);
  });

  test("a policy that cannot be enforced is refused", () => {
    expect(() => objectsOf({ ingressPolicy: "isolated" }, unlinked)).toThrow(
      'ingressPolicy: "isolated" is about traffic through the host',
    );
  });
});
