/** Addresses in fresh namespaces, judged by `ip -j addr`. */
import { expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { writeSysctl } from "../sysctl/sysctl.ts";
import { type AddressInfo, addAddress, listAddresses, removeAddress } from "./address.ts";

/** A namespace with a bridge of ifindex 5 and a veth of ifindex 6, both up. */
function stage(): ScratchNetns {
  const netns = new ScratchNetns("addr");
  netns.run("ip", "link", "add", "name", "br0", "index", "5", "type", "bridge");
  netns.run("ip", "link", "add", "v", "index", "6", "type", "veth", "peer", "name", "w");
  for (const name of ["br0", "v", "w"]) netns.run("ip", "link", "set", name, "up");
  return netns;
}

/** What `ip` shows of one address. */
function shown(netns: ScratchNetns, text: string): any {
  const [address, length] = text.split("/");
  const links = netns.json("ip", "-j", "addr");
  const all = links.flatMap((link) =>
    (link.addr_info ?? []).map((info: any) => ({ ...info, ifname: link.ifname })),
  );
  return all.find((info) => info.local === address && info.prefixlen === Number(length));
}

test("addresses of both families have what was asked for", () => {
  using netns = stage();
  writeSysctl(netns.path, "net/ipv6/conf/v/optimistic_dad", "1");
  // Detection lasts as long as the test, however slow the machine.
  writeSysctl(netns.path, "net/ipv6/neigh/v/retrans_time_ms", "60000");
  using socket = netns.socket();
  socket.run([
    addAddress({ index: 5, address: "10.1.0.1/24", broadcast: "10.1.0.255" }),
    addAddress({ index: 5, address: "10.2.0.1/32", scopeId: 253, noPrefixRoute: true }),
    addAddress({ index: 6, address: "fd00::1/64", dad: false }),
    addAddress({ index: 6, address: "fd00::2/64", optimistic: true }),
    addAddress({ index: 6, address: "fd00::3/128" }),
  ]);
  expect(shown(netns, "10.1.0.1/24")).toMatchObject({
    ifname: "br0",
    family: "inet",
    broadcast: "10.1.0.255",
    scope: "global",
  });
  expect(shown(netns, "10.2.0.1/32")).toMatchObject({ scope: "link", noprefixroute: true });
  expect(shown(netns, "fd00::1/64")).toMatchObject({ ifname: "v", nodad: true });
  expect(shown(netns, "fd00::1/64").tentative).toBeUndefined();
  expect(shown(netns, "fd00::2/64")).toMatchObject({ optimistic: true });
  expect(shown(netns, "fd00::3/128")).toMatchObject({ tentative: true });
});

test("the kernel keeps who set an address, where it can", () => {
  using netns = stage();
  using socket = netns.socket();
  socket.run([addAddress({ index: 5, address: "10.1.0.1/24", protocol: 108 })]);
  expect(listAddresses(socket, { index: 5, family: 2 })).toMatchObject([{ protocol: 108 }]);
});

/** The fields that `ip` tells too, in its own words. */
function inWords(info: AddressInfo) {
  const scopes: Record<number, string> = { 0: "global", 253: "link", 254: "host" };
  const [local, length] = info.address.split("/");
  return {
    local,
    prefixlen: Number(length),
    family: info.family === 2 ? "inet" : "inet6",
    scope: scopes[info.scopeId],
    broadcast: info.broadcast,
    label: info.label,
    permanent: info.permanent,
  };
}

test("a listing tells what `ip` tells, for one link, one family or all", () => {
  using netns = stage();
  using socket = netns.socket();
  netns.run("ip", "link", "set", "lo", "up");
  netns.run("ip", "addr", "add", "10.1.0.1/24", "brd", "+", "dev", "br0", "label", "br0:x");
  netns.run("ip", "addr", "add", "10.3.0.1", "peer", "10.3.0.2/32", "dev", "v");
  netns.run(
    "ip",
    "addr",
    "add",
    "fd00::1/64",
    "dev",
    "v",
    "valid_lft",
    "500",
    "preferred_lft",
    "9",
  );
  const fields = ["local", "prefixlen", "family", "scope", "broadcast", "label"];
  const expected = (...words: string[]) =>
    netns.json("ip", "-j", ...words).flatMap((link) =>
      (link.addr_info ?? []).map((info: any) => ({
        ...Object.fromEntries(fields.map((field) => [field, info[field]])),
        permanent: info.valid_life_time === 0xffffffff,
      })),
    );
  const sorted = (all: any[]) => all.sort((a, b) => (a.local < b.local ? -1 : 1));
  const listed = (filter: Parameters<typeof listAddresses>[1]) =>
    sorted(listAddresses(socket, filter).map(inWords));
  expect(listed({})).toEqual(sorted(expected("addr")));
  expect(listed({ family: 2 })).toEqual(sorted(expected("-4", "addr")));
  expect(listed({ index: 6, family: 10 })).toEqual(
    sorted(expected("-6", "addr", "show", "dev", "v")),
  );
  expect(listed({ index: 99 })).toEqual([]);
});

test("a removed address is gone, and removing it once more is no error", () => {
  using netns = stage();
  using socket = netns.socket();
  netns.run("ip", "addr", "add", "10.1.0.1/24", "dev", "br0");
  netns.run("ip", "addr", "add", "fd00::1/64", "dev", "v");
  const removals = [
    removeAddress({ index: 5, address: "10.1.0.1/24" }),
    removeAddress({ index: 6, address: "fd00::1/64" }),
    removeAddress({ index: 99, address: "10.1.0.1/24" }),
  ];
  socket.run(removals);
  expect([shown(netns, "10.1.0.1/24"), shown(netns, "fd00::1/64")]).toEqual([undefined, undefined]);
  socket.run(removals);
});

test("removing an address leaves one that only resembles it", () => {
  using netns = stage();
  using socket = netns.socket();
  netns.run("ip", "addr", "add", "10.1.0.1/24", "dev", "br0");
  socket.run([
    removeAddress({ index: 5, address: "10.1.0.1/25" }),
    removeAddress({ index: 6, address: "10.1.0.1/24" }),
    removeAddress({ index: 5, address: "10.1.0.2/24" }),
  ]);
  expect(shown(netns, "10.1.0.1/24")).toBeDefined();
});

test("an address that the link has already is refused, in the kernel's own words if it has any", () => {
  using netns = stage();
  using socket = netns.socket();
  const item = addAddress({ index: 5, address: "10.1.0.1/24" });
  socket.run([item]);
  // Linux 6.1 says no more than the number.
  expect(() => socket.run([item])).toThrow(
    /^Cannot add address 10\.1\.0\.1\/24 to link 5: (ipv4: Address already assigned \(EEXIST\)|EEXIST)$/,
  );
});

test("what a listing tells of an address is enough to give it to another link", () => {
  using netns = stage();
  using socket = netns.socket();
  const given = [
    "10.1.0.1/24 metric 77 label v:one",
    "10.1.0.2/24 noprefixroute valid_lft 900 preferred_lft 0",
    "10.3.0.1 peer 10.3.0.2/32 scope link",
    "fd00::1/64 nodad valid_lft 900 preferred_lft 600 mngtmpaddr",
    "fd00::2/64 nodad metric 5 noprefixroute",
    "fd00::3 peer fd00::4/128 nodad",
  ];
  for (const one of given) netns.run("sh", "-c", `ip addr add dev v ${one}`);
  const isGiven = ({ address }: AddressInfo) => !address.startsWith("fe80");
  const before = listAddresses(socket, { index: 6 }).filter(isGiven);
  expect(before.length).toBe(given.length);
  // IPv4 lists the oldest first, IPv6 the newest.
  const fourth = before.filter(({ family }) => family === 2);
  const sixth = before.filter(({ family }) => family === 10).reverse();
  socket.run([...fourth, ...sixth].map((info) => addAddress({ ...info, index: 5 })));
  socket.run(before.map(removeAddress));
  expect(listAddresses(socket, { index: 6 }).filter(isGiven)).toEqual([]);
  const after = listAddresses(socket, { index: 5 }).filter(isGiven);
  // The clock may have gone on by a second.
  const told = ({ preferredS, validS, ...info }: AddressInfo) => ({
    ...info,
    index: 0,
    lives: [(preferredS ?? 0) >= 590, (validS ?? 0) >= 890],
  });
  expect(after.map(told)).toEqual(before.map(told));
});
