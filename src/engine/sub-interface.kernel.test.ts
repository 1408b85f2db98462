/** Sub-interfaces of a trunk on the real kernel: from their first user to their last. */
import { expect, test } from "bun:test";
import { needs } from "../../test/support/kernel-features.ts";
import { ipvlan } from "../drivers/ipvlan.ts";
import { macvlan } from "../drivers/macvlan.ts";
import { vlan } from "../drivers/vlan.ts";
import { clean } from "./clean.ts";
import { collect } from "./collect.ts";
import { EngineFixture, type Wish } from "./engine-fixture.ts";
import { listRecords, removeRecord, writeRecord } from "./record.ts";

const config = { master: "lan", vlan: 100 };
let addresses = 1;
const wishOf = (more: Partial<Wish> = {}): Wish => {
  addresses += 1;
  return { driver: macvlan, config, ips: [`10.88.0.${addresses}/24`], ...more };
};

/** A host whose trunk "lan" leads to "far". */
function trunkHost(): EngineFixture {
  const fixture = new EngineFixture("trunk");
  fixture.addParent();
  return fixture;
}

const names = ({ host }: EngineFixture): string[] =>
  host
    .json("ip", "-j", "link", "show")
    .map(({ ifname }) => ifname)
    .filter((name) => !["lo", "lan", "far"].includes(name));

needs("vlan").describe("a sub-interface", () => {
  test("is there from the first user to the last, and the host no member of its VLAN", async () => {
    using fixture = trunkHost();
    const [a, b] = [fixture.box(), fixture.box()];
    const [first, second] = [wishOf(), wishOf({ network: "red" })];
    const attached = await fixture.attach(a, first);
    const [link] = fixture.host.json("ip", "-d", "-j", "addr", "show", "dev", "lan.100");
    expect(link).toMatchObject({
      link: "lan",
      ifalias: "netloom:cni",
      linkinfo: { info_kind: "vlan", info_data: { protocol: "802.1Q", id: 100 } },
      addr_info: [],
    });
    expect(link.flags).toContain("UP");
    await fixture.attach(b, second);
    await fixture.detach(a, first);
    expect(names(fixture)).toEqual(["lan.100"]);
    await fixture.detach(b, second);
    expect(names(fixture)).toEqual([]);
    expect(attached.links).toMatchObject([{ netns: a.netns.path, name: "eth0", mtu: 1500 }]);
  });

  test("tags what containers send, and takes the tag from what they get", async () => {
    using fixture = trunkHost();
    fixture.host.run("ip", "link", "set", "far", "netns", fixture.box().netns.name);
    const outside = fixture.boxes[0]!.netns;
    outside.run("ip", "link", "set", "far", "up");
    outside.run("ip", "link", "add", "link", "far", "name", "far.100", "type", "vlan", "id", "100");
    outside.run("ip", "addr", "add", "10.88.0.1/24", "dev", "far.100");
    outside.run("ip", "link", "set", "far.100", "up");
    const box = fixture.box();
    await fixture.attach(box, wishOf());
    box.netns.run("ping", "-n", "-q", "-c", "1", "-W", "5", "10.88.0.1");
    outside.run("ip", "addr", "add", "10.88.0.1/24", "dev", "far");
    outside.run("ip", "link", "del", "far.100");
    const ping = () => box.netns.run("ping", "-n", "-q", "-c", "1", "-W", "1", "10.88.0.1");
    expect(ping).toThrow();
  });

  test("of somebody else is used under its name, and stays", async () => {
    using fixture = trunkHost();
    const sub = "link add link lan name storage type vlan id 100".split(" ");
    fixture.host.run("ip", ...sub);
    const [box, wish] = [fixture.box(), wishOf()];
    await fixture.attach(box, wish);
    expect(names(fixture)).toEqual(["storage"]);
    const [link] = fixture.host.json("ip", "-j", "link", "show", "dev", "storage");
    expect(link.flags).toContain("UP");
    await fixture.detach(box, wish);
    await fixture.engine(clean);
    expect(names(fixture)).toEqual(["storage"]);
  });

  test("with a long trunk's name has a shorter one, and goes too", async () => {
    using fixture = trunkHost();
    const trunk = "enp134s0f1np1";
    fixture.host.run("ip", "link", "add", trunk, "type", "veth", "peer", "name", "cable");
    fixture.host.run("ip", "link", "set", trunk, "up");
    fixture.host.run("ip", "link", "set", "cable", "up");
    const wish = wishOf({ config: { parent: trunk, vlan: 4094 } });
    const box = fixture.box();
    await fixture.attach(box, wish);
    expect(names(fixture).filter((name) => name.endsWith(".4094"))).toHaveLength(1);
    await fixture.detach(box, wish);
    expect(names(fixture).sort()).toEqual(["cable", trunk].sort());
  });

  test("is neither lost nor left when first and last users come and go at once", async () => {
    using fixture = trunkHost();
    const boxes = Array.from({ length: 4 }, () => fixture.box());
    for (let round = 0; round < 2; round++) {
      const turns = boxes.map(async (box) => {
        const wish = wishOf();
        await fixture.attach(box, wish);
        expect(names(fixture)).toEqual(["lan.100"]);
        await fixture.detach(box, wish);
      });
      await Promise.all(turns);
      expect(names(fixture)).toEqual([]);
    }
  });

  test("is made again by the first ADD after a reboot, and goes with its last user then", async () => {
    using fixture = trunkHost();
    const [a, b] = [fixture.box(), fixture.box()];
    await fixture.attach(a, wishOf());
    // The kernel's own is lost, records and configuration stay.
    const [record] = fixture.records();
    await fixture.engine(({ paths }) => writeRecord(paths, { ...record!, boot: "an earlier one" }));
    fixture.host.run("ip", "link", "del", "lan.100");
    const wish = wishOf();
    await fixture.attach(b, wish);
    expect(names(fixture)).toEqual(["lan.100"]);
    await fixture.detach(b, wish);
    expect(names(fixture)).toEqual([]);
  });

  test("that is missing is told by CHECK, and made by the next ADD", async () => {
    using fixture = trunkHost();
    const [box, wish] = [fixture.box(), wishOf()];
    const attached = await fixture.attach(box, wish);
    await fixture.check(box, wish, attached);
    fixture.host.run("ip", "link", "del", "lan.100");
    await expect(fixture.check(box, wish, attached)).rejects.toThrow('link "lan.100" is missing');
    await fixture.attach(fixture.box(), wishOf());
    expect(names(fixture)).toEqual(["lan.100"]);
  });

  test("of an ADD that was killed goes with DEL, GC or clean, whatever was there of it", async () => {
    using fixture = trunkHost();
    const [box, wish] = [fixture.box(), wishOf()];
    const killed = async () => {
      await fixture.attach(box, wish);
      box.netns.run("ip", "link", "del", "eth0");
    };
    await killed();
    await fixture.detach(box, wish);
    expect(names(fixture)).toEqual([]);
    await killed();
    const gc = { network: "blue", maker: "macvlan", valid: [] };
    await fixture.engine((engine) => collect(engine, gc));
    expect(names(fixture)).toEqual([]);
    await killed();
    await fixture.engine(({ paths }) => listRecords(paths).map((r) => removeRecord(paths, r)));
    await fixture.engine(clean);
    expect(names(fixture)).toEqual([]);
  });

  test("is refused, and nothing left, where another link has its name or its trunk is down", async () => {
    using fixture = trunkHost();
    fixture.host.run("ip", "link", "add", "lan.100", "type", "veth", "peer", "name", "other");
    const taken = fixture.attach(fixture.box(), wishOf());
    await expect(taken).rejects.toThrow('link "lan.100" exists and is not VLAN 100 of "lan"');
    fixture.host.run("ip", "link", "del", "lan.100");
    fixture.host.run("ip", "link", "set", "lan", "down");
    const down = fixture.attach(fixture.box(), wishOf());
    await expect(down).rejects.toThrow('"lan" is down, and with it its VLANs');
    expect(names(fixture)).toEqual([]);
    expect(fixture.records()).toEqual([]);
  });

  test("is refused where a container's own link has the VLAN", async () => {
    using fixture = trunkHost();
    const own = wishOf({ driver: vlan, config: { master: "lan", vlanId: 100 } });
    await fixture.attach(fixture.box(), own);
    const shared = fixture.attach(fixture.box(), wishOf());
    await expect(shared).rejects.toThrow('VLAN 100 of "lan" has a link already');
    expect(fixture.records()).toHaveLength(1);
  });
});

needs("ipvlan", "vlan").test("ipvlan and macvlan stand on two VLANs of one trunk", async () => {
  using fixture = trunkHost();
  await fixture.attach(fixture.box(), wishOf());
  const other = wishOf({ driver: ipvlan, config: { ...config, vlan: 101 } });
  await fixture.attach(fixture.box(), other);
  expect(names(fixture).sort()).toEqual(["lan.100", "lan.101"]);
  const clash = fixture.attach(fixture.box(), wishOf({ driver: ipvlan }));
  await expect(clash).rejects.toThrow('parent "lan.100" carries macvlan links');
});

needs("ipvlan").test("another mode than its siblings' is refused, and theirs stays", async () => {
  using fixture = trunkHost();
  const l2 = wishOf({ driver: ipvlan, config: { master: "lan" } });
  const l3 = wishOf({ driver: ipvlan, config: { master: "lan", mode: "l3" } });
  const box = fixture.box();
  await fixture.attach(box, l2);
  await expect(fixture.attach(fixture.box(), l3)).rejects.toThrow("mode: all ipvlan links on");
  const [link] = box.netns.json("ip", "-d", "-j", "link", "show", "dev", "eth0");
  expect(link.linkinfo.info_data.mode).toBe("l2");
  await fixture.detach(box, l2);
  await fixture.attach(fixture.box(), l3);
});

needs("ipvlan").test("a subnet of the parent's own is refused in mode l3", async () => {
  using fixture = trunkHost();
  fixture.host.run("ip", "addr", "add", "10.88.0.200/24", "dev", "lan");
  const routed = wishOf({ driver: ipvlan, config: { master: "lan", mode: "l3" } });
  await expect(fixture.attach(fixture.box(), routed)).rejects.toThrow("overlaps 10.88.0.200/24");
  const bridged = wishOf({ driver: ipvlan, config: { master: "lan" } });
  await fixture.attach(fixture.box(), bridged);
});
