/** The `host-local` plugin's verbs, without the protocol around them. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { CheckError, UnavailableError } from "../../ipam/errors.ts";
import { hostLocalIpam } from "./host-local.ts";
import { storeFixture } from "./store-fixture.ts";

const attachment = { containerId: "c1", ifName: "eth0" };

/** The plugin on a store of its own. */
function plugin(ipam: object) {
  const store = storeFixture();
  const { dataDir, network: name } = store.options;
  const document = { cniVersion: "1.0.0", name, ipam: { dataDir, ...ipam } };
  const config = hostLocalIpam.parse(document);
  const check = (...addresses: string[]) =>
    hostLocalIpam.check(
      config,
      { ...attachment, result: addresses.map((address) => ({ address })) },
      store.options,
    );
  return {
    store,
    place: hostLocalIpam.parsePlace(document),
    add: (containerId = "c1") =>
      hostLocalIpam.add(config, { containerId, ifName: "eth0" }, store.options),
    check,
    status: () => hostLocalIpam.status(config, store.options),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

const subnet = "10.1.0.0/24";

test("ADD gives addresses, routes, and the resolver of resolvConf", async () => {
  using files = storeFixture();
  const resolvConf = `${files.options.stateDir}.resolv.conf`;
  writeFileSync(resolvConf, "nameserver 10.1.0.1\nsearch a b\n");
  using host = plugin({ subnet, resolvConf, routes: [{ dst: "0.0.0.0/0" }] });
  const given = host.add();
  given.durable().finish();
  expect(given.result).toEqual({
    ips: [{ address: "10.1.0.2/24", gateway: "10.1.0.1" }],
    routes: [{ dst: "0.0.0.0/0" }],
    dns: { nameservers: ["10.1.0.1"], search: ["a", "b"] },
  });
});

test("ADD reserves nothing if resolvConf cannot be read, and STATUS says so too", () => {
  using host = plugin({ subnet, resolvConf: "/nowhere/resolv.conf" });
  const message = 'Cannot read ipam.resolvConf "/nowhere/resolv.conf"';
  expect(() => host.add()).toThrow(message);
  expect(() => host.status()).toThrow(message);
  expect(host.store.find("c1")).toEqual([]);
});

test("DEL and GC need the place alone", () => {
  using host = plugin({ subnet });
  const paths = host.store.options;
  for (const id of ["c1", "c2", "c3"]) host.add(id);
  host.store.write("10.1.0.77", "old");
  hostLocalIpam.del(host.place, attachment, paths);
  expect(host.store.find("c1")).toEqual([]);
  const freed = hostLocalIpam.gc(host.place, [{ containerId: "c3", ifName: "eth0" }], paths);
  expect(freed).toHaveLength(2);
  expect(freed).toContainEqual({ containerId: "c2", ifName: "eth0" });
  expect(freed).toContainEqual({ containerId: "old", ifName: "" });
  expect(host.store.find("c3")).toEqual(["10.1.0.4"]);
});

describe("CHECK", () => {
  test("is content with what ADD gave, and with other plugins' addresses beside it", () => {
    using host = plugin({ subnet });
    host.add();
    host.check("10.1.0.2/24", "192.168.7.7/24", "fd00::7/64");
    host.check();
  });

  test("fails without a reservation", () => {
    using host = plugin({ subnet });
    expect(() => host.check("10.1.0.2/24")).toThrow(CheckError);
    host.add("another");
    expect(() => host.check("10.1.0.2/24")).toThrow('"c1" has no address for "eth0"');
  });

  test("fails if another address of the ranges is used than is reserved", () => {
    using host = plugin({ subnet });
    host.add();
    expect(() => host.check("10.1.0.9/24")).toThrow(
      '"c1" uses 10.1.0.9 for "eth0", but 10.1.0.2 is reserved',
    );
  });
});

describe("STATUS", () => {
  test("is content while an address is free, before the first ADD too", () => {
    using host = plugin({ subnet: "10.1.0.0/29" });
    host.status();
    for (let n = 0; n < 4; n++) host.add(`c${n}`);
    host.status();
  });

  test("reports a full range, with its name and size", () => {
    using host = plugin({ ranges: [[{ subnet }], [{ subnet: "10.2.0.0/30" }]] });
    host.add();
    expect(() => host.status()).toThrow(UnavailableError);
    expect(() => host.status()).toThrow("No address is free in 10.2.0.1-10.2.0.2: 1 of 1");
  });
});
