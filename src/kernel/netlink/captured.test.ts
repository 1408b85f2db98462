/**
 * What the kernel said to `ip`, `bridge` and `conntrack`: our decoders must tell what those
 * printed. The file of messages names how it was captured.
 */
import { describe, expect, test } from "bun:test";
import { readAddress } from "./address.ts";
import { exchange, exchanges, layoutOf } from "./captured.ts";
import { readConntrack } from "./conntrack.ts";
import { readFdbEntry } from "./fdb.ts";
import { readLink } from "./link-info.ts";
import { decode, errorOf, type Message, nlmsg } from "./message.ts";
import { readNeigh } from "./neigh.ts";
import { readRoute } from "./route-info.ts";
import { readRule } from "./rule.ts";

test("every message of the kernel's is understood to its end", () => {
  let understood = 0;
  for (const { received } of exchanges()) {
    for (const message of received) {
      if (message.type === nlmsg.error || message.type === nlmsg.done) {
        errorOf(message, "test");
        continue;
      }
      const { header } = decode(message, layoutOf(message)!);
      expect(header).toBeDefined();
      expect(message.body.left).toBe(0);
      understood++;
    }
  }
  expect(understood).toBeGreaterThan(60);
});

describe("a refusal tells the kernel's own words", () => {
  const cases: [string, string, string][] = [
    ["ip addr add 10.1.0.1/24 dev", "EEXIST", "ipv4: Address already assigned"],
    ["ip addr del 10.1.0.99/24", "EADDRNOTAVAIL", "ipv4: Address not found"],
    ["ip link add link v name iv0", "EOPNOTSUPP", "Unknown device type"],
    ["ip route add 10.13.0.0/16", "ENETUNREACH", "Nexthop has invalid gateway"],
  ];
  for (const [command, code, extack] of cases) {
    test(command, () => {
      const answer = exchange(command).received.at(-1)!;
      expect(errorOf(answer, "do it")).toMatchObject({ code, extack });
    });
  }
});

describe("a listing tells what the tool printed", () => {
  const told = <T>(command: string, read: (message: Message) => T): T[] =>
    exchange(command)
      .received.filter((message) => message.type > nlmsg.overrun)
      .map(read);
  const printed = (command: string): any[] => JSON.parse(exchange(command).printed);
  const sorted = (all: readonly object[]) => all.map((item) => JSON.stringify(item)).sort();

  test("links", () => {
    const links = told("ip -d -j link show", readLink);
    const nameOf = (index?: number) => links.find((link) => link.index === index)?.name;
    expect(
      links.map((link) => ({
        ifindex: link.index,
        ifname: link.name,
        address: link.mac,
        mtu: link.mtu,
        master: nameOf(link.master),
        kind: link.kind,
        ifalias: link.alias,
        promisc: link.promisc,
        genMode: link.addrGenMode,
        ageing: link.bridge?.ageingTimeCs,
        snooping: link.bridge && Number(link.bridge.multicastSnooping),
        port: link.bridgePort && [
          link.bridgePort.hairpin,
          link.bridgePort.isolated,
          link.bridgePort.learning,
          link.bridgePort.unicastFlood,
          link.bridgePort.state,
        ],
      })),
    ).toEqual(
      printed("ip -d -j link show").map((link) => ({
        ifindex: link.ifindex,
        ifname: link.ifname,
        address: link.address,
        mtu: link.mtu,
        master: link.master,
        kind: link.linkinfo?.info_kind,
        ifalias: link.ifalias,
        promisc: link.flags.includes("PROMISC"),
        genMode: link.inet6_addr_gen_mode,
        ageing: link.linkinfo?.info_data?.ageing_time,
        snooping: link.linkinfo?.info_data?.mcast_snooping,
        port: link.linkinfo?.info_slave_data && [
          link.linkinfo.info_slave_data.hairpin,
          link.linkinfo.info_slave_data.isolated,
          link.linkinfo.info_slave_data.learning,
          link.linkinfo.info_slave_data.flood,
          link.linkinfo.info_slave_data.state,
        ],
      })),
    );
  });

  test("addresses", () => {
    const { received } = exchange("ip -j addr show");
    const found = received.filter((message) => message.type === 20).map(readAddress);
    const expected = printed("ip -j addr show").flatMap((link) =>
      link.addr_info.map((info: any) => ({
        index: link.ifindex,
        address: `${info.local}/${info.prefixlen}`,
        broadcast: info.broadcast,
        label: info.label,
        dad: !info.nodad,
        tentative: info.tentative ?? false,
      })),
    );
    expect(
      sorted(
        found.map(({ index, address, broadcast, label, dad, tentative }) => ({
          index,
          address,
          broadcast,
          label,
          dad,
          tentative,
        })),
      ),
    ).toEqual(sorted(expected));
  });

  test("routes", () => {
    const { received } = exchange("ip -j -N route show");
    const found = received.filter((message) => message.type === 24).map(readRoute);
    const indexes: Record<string, number> = { lo: 1, br0: 5, v: 6 };
    const expected = printed("ip -j -N route show").map((route) => {
      const length = route.dst.includes(":") ? 128 : 32;
      const everything = route.gateway?.includes(":") ? "::/0" : "0.0.0.0/0";
      const dst = route.dst === "default" ? everything : route.dst;
      return {
        dst: dst.includes("/") ? dst : `${dst}/${length}`,
        table: Number(route.table ?? 254),
        protocol: Number(route.protocol ?? 3), // `boot` is not printed
        oif: route.dev && indexes[route.dev],
        gateway: route.gateway ?? route.via?.host,
        source: route.prefsrc,
        priority: route.metric,
        mtu: route.metrics?.[0]?.mtu,
        advmss: route.metrics?.[0]?.advmss,
        hops: route.nexthops?.map((hop: any) => [
          hop.gateway,
          hop.weight,
          hop.flags.includes("onlink"),
        ]),
      };
    });
    expect(
      sorted(
        found.map((route) => ({
          dst: route.dst,
          table: route.table,
          protocol: route.protocol,
          oif: route.oif,
          gateway: route.gateway,
          source: route.source,
          priority: route.priority,
          mtu: route.mtu,
          advmss: route.advmss,
          hops: route.nextHops?.map((hop) => [hop.gateway, hop.weight, hop.onlink]),
        })),
      ),
    ).toEqual(sorted(expected));
  });

  test("neighbours", () => {
    const { received } = exchange("ip -j neigh show");
    const found = received.filter((message) => message.type === 28).map(readNeigh);
    const shown = found.filter(({ state }) => state !== "noarp" && state !== "none");
    expect(
      sorted(
        shown.map(({ dst, mac, state }) => ({ dst, mac, state: String(state).toUpperCase() })),
      ),
    ).toEqual(
      sorted(
        printed("ip -j neigh show").map((n) => ({ dst: n.dst, mac: n.lladdr, state: n.state[0] })),
      ),
    );
  });

  test("forwarding entries", () => {
    const { received } = exchange("bridge -j fdb show");
    const found = received.filter((message) => message.type === 28).map(readFdbEntry);
    const states: Record<string, string> = { permanent: "permanent", noarp: "static" };
    expect(
      sorted(found.map(({ mac, state, self }) => ({ mac, state: states[state] ?? "", self }))),
    ).toEqual(
      sorted(
        printed("bridge -j fdb show").map((entry) => ({
          mac: entry.mac,
          state: entry.state,
          self: entry.flags.includes("self"),
        })),
      ),
    );
  });

  test("rules", () => {
    const { received } = exchange("ip -j -N rule show");
    const found = received.filter((message) => message.type === 32).map(readRule);
    expect(found.map(({ priority, table }) => ({ priority, table: String(table) }))).toEqual(
      printed("ip -j -N rule show").map(({ priority, table }) => ({ priority, table })),
    );
    expect(found.find((rule) => rule.priority === 10801)).toMatchObject({
      l4Protocol: 17,
      destinationPorts: { first: 53, last: 53 },
      iif: "v",
    });
    expect(found.find((rule) => rule.priority === 10800)).toMatchObject({
      src: "10.1.0.0/16",
      mark: 0x1000000,
      mask: 0x3f000000,
    });
  });

  test("tracked connections", () => {
    const { printed, received } = exchange("conntrack -L");
    const found = received.filter((message) => message.type === 256).map(readConntrack);
    const expected = printed.split("\n").map((line) => {
      const first = (name: string) => new RegExp(`${name}=(\\S+)`).exec(line)?.[1];
      return {
        src: first("src"),
        dst: first("dst"),
        port: Number(first("dport")),
        zone: Number(first("zone") ?? 0),
        id: Number(first("id")),
        timeoutS: Number(line.split(/\s+/)[2]),
      };
    });
    expect(
      sorted(
        found.map(({ original, zone, id, timeoutS }) => ({
          src: original.src,
          dst: original.dst,
          port: original.destinationPort,
          zone,
          id,
          timeoutS,
        })),
      ),
    ).toEqual(sorted(expected));
  });
});
