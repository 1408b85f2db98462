/** An agent that reaches its server over TLS, as a host's credential lets it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { World } from "../cli/world.ts";
import { eventually } from "./world.ts";

const url = "https://127.0.0.1:7440";

let world: World;
beforeAll(async () => {
  world = await World.make("--listen", "127.0.0.1:7440");
  await world.must("create network blue type=bridge");
  await world.must("create subnet blue-v4 network=blue cidr=10.71.0.0/24");
  const { dir } = world.host;
  writeFileSync(`${dir}/h1.token`, await world.must("host credential h1"));
  const files = ["--ca", `${dir}/state/pki/ca.crt`, "--token-file", `${dir}/h1.token`];
  await world.start("agent", "--host", "h1", "--server", url, ...files);
});
afterAll(() => world.host.remove());

const ports = async () => JSON.parse(await world.must("get ports -o json")).items as any[];
/** What was done to objects, and what was refused. */
const audited = () =>
  readFileSync(`${world.host.dir}/state/audit.log`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("containers come and go, and their ports with them", async () => {
  const { host } = world;
  const list = `${host.dir}/blue.conflist`;
  const plugins = [{ type: "netloom", network: "blue" }];
  writeFileSync(list, JSON.stringify({ cniVersion: "1.1.0", name: "blue", plugins }));
  const places = ["--cache-dir", `${host.dir}/cache`, "--conf-dir", host.dir];
  const cni = async (verb: string, container: string) =>
    world.must(["cni", verb, ...places, "--json", list, container]);
  const [one, two] = [await host.addContainer(), await host.addContainer()];
  await cni("add", one);
  const { ips } = JSON.parse(await cni("add", two));
  await host.shell(`ping -c1 -W2 ${ips[0].address.split("/")[0]}`, one);
  await eventually("both ports are ready", async () => {
    const ready = (await ports()).filter(
      ({ status }) => status?.conditions?.[0]?.status === "True",
    );
    return ready.length === 2;
  });
  for (const { metadata, spec } of await ports()) {
    expect(metadata.labels).toMatchObject({ "netloom.dev/made-by": "agent" });
    expect(spec.host).toBe("h1");
  }
  for (const container of [one, two]) await cni("del", container);
  await eventually("the API knows of no port", async () => (await ports()).length === 0);
});

test("the host is heard of, and nothing that the agent asked was refused", async () => {
  await world.must("wait host h1 --timeout=20s");
  const own = audited().filter(({ user }) => user === "system:host:h1");
  expect(own).toContainEqual(expect.objectContaining({ verb: "create", resource: "ports" }));
  expect(own).toContainEqual(expect.objectContaining({ verb: "delete", resource: "ports" }));
  // Conflicts and what is there or gone already belong to its work.
  const refused = audited().filter(({ code }) => code >= 400 && ![404, 409].includes(code));
  expect(refused).toEqual([]);
});

test("a person who names the server's CA is heard, and who does not is told how", async () => {
  const { dir } = world.host;
  const token = (await world.must("token create ann")).trim();
  const words = ["-s", url, "--token", token, "token", "list"];
  const refused = await world.netloom(words);
  expect(refused.status).toBe(6);
  expect(refused.stderr).toContain("name the right CA with --ca FILE");
  const known = await world.netloom(["--ca", `${dir}/state/pki/ca.crt`, ...words]);
  // Without a grant ann may do nothing, but she is known.
  expect(known).toMatchObject({ status: 5, stderr: expect.stringContaining('"ann"') });
});

test("a credential that is renewed is taken up while the agent runs", async () => {
  const heartbeat = async () =>
    JSON.parse(await world.must("get host h1 -o json")).status.heartbeat as string;
  await world.must("token revoke h1");
  await eventually("it is refused", () => audited().some(({ code }) => code === 401), 30_000);
  const before = await heartbeat();
  writeFileSync(`${world.host.dir}/h1.token`, await world.must("host credential h1"));
  await eventually("it is heard again", async () => (await heartbeat()) > before, 30_000);
  await world.must("create network green type=bridge");
  await world.must("create subnet green-v4 network=green cidr=10.72.0.0/24");
  await world.must("create port vm network=green type=vm host=h1");
  await world.must("wait port vm --timeout=30s");
  await world.must("delete port vm --timeout=30s");
}, 90_000);
