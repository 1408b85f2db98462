/** Containers on declared networks, attached by name from the command line. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { resolve } from "node:path";
import { World } from "./world.ts";

const example = resolve(import.meta.dir, "../../examples/two-tier.yaml");

let world: World;
beforeAll(async () => {
  world = await World.make();
  await world.start("agent", "--host", "h1");
  await world.must(`apply -f ${example}`);
});
afterAll(() => world.host.remove());

const places = () => ["--cache-dir", `${world.host.dir}/cache`, "--conf-dir", world.host.dir];

test("a sandbox is on the network that it names, and nothing stays of it", async () => {
  const addressesOn = async (network: string) => {
    const words = ["sandbox", "run", ...places(), "--network", network, "--", "ip", "-j", "addr"];
    const links = JSON.parse(await world.must(words)) as any[];
    const { addr_info } = links.find(({ ifname }) => ifname === "eth0");
    return addr_info.map(({ local }: any) => local);
  };
  const web = await addressesOn("web");
  expect(web).toContainEqual(expect.stringMatching(/^10\.61\.0\./));
  expect(web).toContainEqual(expect.stringMatching(/^fd00:61:/));
  const data = await addressesOn("default/data");
  expect(data).toContainEqual(expect.stringMatching(/^10\.62\.0\./));
  await world.must("wait ports -l app!=database --all --for=delete --timeout=10s");
  expect(await world.must("get ports -o name")).toBe("port.netloom.dev/database\n");
});

test("a namespace gets the address of the port that it is attached to", async () => {
  const container = await world.host.addContainer();
  const attached = await world.must(["port", "attach", "database", container]);
  expect(attached).toContain("10.62.0.10");
  const port = JSON.parse(await world.must("get port database -o json"));
  await world.must("wait port database --timeout=20s");
  const again = await world.netloom(["port", "attach", "database", container]);
  expect(again).toMatchObject({ status: 4, stderr: expect.stringContaining("already: detach it") });
  const other = await world.host.addContainer();
  const elsewhere = await world.netloom(["port", "attach", "database", other]);
  expect(elsewhere).toMatchObject({ status: 4, stderr: expect.stringContaining("database") });
  expect(port.spec.fixedIps).toEqual([{ address: "10.62.0.10" }]);
  expect(await world.must("ipam show data-v4")).toMatch(
    /\n10\.62\.0\.10 +port default\/database +h1\n/,
  );
  await world.must(["cni", "check", "data", container]);
  await world.must(["port", "detach", "database", container]);
  expect(await world.must("get port database -o name")).toBe("port.netloom.dev/database\n");
});

test("a port is detached without the server, from its own link alone", async () => {
  const [container, other] = [await world.host.addContainer(), await world.host.addContainer()];
  await world.must("create port spare network=web");
  await world.must(["port", "attach", "database", container, "--ifname", "net7"]);
  await world.must(["port", "attach", "spare", other]);
  const nowhere = { env: { NETLOOM_SERVER: "unix:/nowhere/api.sock" } };
  const links = async (netns: string) =>
    JSON.parse(await world.host.shell("ip -j link show type veth", netns)).map(
      ({ ifname }: any) => ifname,
    );
  const another = await world.netloom(["port", "detach", "database", other], nowhere);
  expect(another).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(`"${other}" was not attached to port "default/database"`),
    stderr: "",
  });
  expect(await links(other)).toEqual(["eth0"]);
  await world.must(["port", "detach", "database", container], nowhere);
  expect(await links(container)).toEqual([]);
  await world.must(["port", "detach", "po/spare", other], nowhere);
  expect(await links(other)).toEqual([]);
  await world.must("delete port spare");
});

test("what a network lacks on this host is told of the field that was declared", async () => {
  const container = await world.host.addContainer();
  await world.must("create network lan type=macvlan parent=nil9");
  await world.must("create subnet lan network=lan cidr=10.64.0.0/24");
  const { status, stderr } = await world.netloom(["cni", "add", ...places(), "lan", container]);
  expect(status).toBe(1);
  expect(stderr).toContain('spec.parent: there is no link "nil9" on this host');
  await world.must("delete network lan --cascade=foreground");
});

test("a port that nobody declared is refused by its name", async () => {
  const container = await world.host.addContainer();
  const words = ["cni", "add", ...places(), "--arg", "NETLOOM_PORT=nope", "web", container];
  const { status, stderr } = await world.netloom(words);
  expect(status).toBe(1);
  expect(stderr).toContain(
    'There is no port "default/nope": declare it ("netloom create port nope network=web")',
  );
  expect(await world.must("get ports -o name")).toBe("port.netloom.dev/database\n");
});
