/** A workload's identity brings its address back, on whichever host it is made anew. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attach, Cluster, type Member } from "./cluster.ts";
import { eventually } from "./world.ts";

let cluster: Cluster;
let one: Member;
let two: Member;

/** Network types on which the address is the workload's own wherever it runs. */
const types: [type: string, spec: object, third: number][] = [
  ["bridge with an uplink", { type: "bridge", uplink: "lan9" }, 91],
  ["macvlan", { type: "macvlan", parent: "lan8" }, 92],
  ["bridge", { type: "bridge" }, 93],
];

beforeAll(async () => {
  cluster = await Cluster.start(["h1", "h2"]);
  [one, two] = cluster.members as [Member, Member];
  for (const { world } of cluster.members) {
    const links = ["lan8", "lan9"].map(
      (name) => `ip link add ${name} type veth peer name ${name}p; ip link set ${name} up`,
    );
    await world.host.shell(links.join("\n"));
  }
  for (const [, spec, third] of types) {
    const name = `n${third}`;
    const cidr = `10.84.${third}.0/24`;
    await cluster.network(name, spec, { cidr });
    await cluster.create("IPPool", name, {
      subnet: `default/${name}`,
      sticky: true,
      ranges: [{ start: `10.84.${third}.100`, end: `10.84.${third}.199` }],
    });
  }
}, 30_000);

afterAll(() => cluster?.remove());

/** The addresses that are kept for an identity, as the control plane knows. */
const kept = async (identity: string): Promise<string[]> =>
  (await cluster.all("IPBlock")).flatMap(({ status }) =>
    Object.entries(status?.allocation?.rested ?? {}).flatMap(([address, rest]: any) =>
      rest.identity === `default/${identity}` && rest.keptUntil ? [address] : [],
    ),
  );

test.each(types)(
  "on %s an identity has its address on the other host too, and back again",
  async (_type, _spec, third) => {
    const network = `n${third}`;
    const identity = `app-${third}`;
    const addresses: string[] = [];
    for (const member of [one, two, one]) {
      const { list, box, address } = await attach(member, network, { identity });
      // Others come meanwhile, and have others.
      const other = await attach(member, network);
      expect(other.address).not.toBe(address);
      addresses.push(address);
      await member.world.must("del", list, box);
      await member.world.must("del", other.list, other.box);
      await eventually("it is kept", async () => (await kept(identity)).includes(address));
    }
    expect(addresses).toEqual([addresses[0]!, addresses[0]!, addresses[0]!]);
  },
  30_000,
);

test("a declared port's identity is the same workload, also of a port with another name", async () => {
  await cluster.create("Port", "old", { network: "n93", host: "h1", identity: "db" });
  const old = await attach(one, "n93", { port: "old" });
  await one.world.must("del", old.list, old.box);
  await cluster.delete("Port", "old");
  await cluster.create("Port", "new", { network: "n93", host: "h2", identity: "db" });
  const { list, box, address } = await attach(two, "n93", { port: "new" });
  expect(address).toBe(old.address);
  await two.world.must("del", list, box);
});

test("without its control plane a host gives an identity what it has itself", async () => {
  two.relay.cut();
  const { list, box, address } = await attach(two, "n93", { identity: "lone" });
  expect(address).toMatch(/^10\.84\.93\.1\d\d$/);
  await two.world.must("del", list, box);
  await two.relay.open();
});
