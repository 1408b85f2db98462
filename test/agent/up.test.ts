/** Server and agent in one process, with the real API. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { lan } from "../support/test-host.ts";
import { eventually, World } from "./world.ts";

let world: World;
let list: string;
const api = "/apis/netloom.dev/v1alpha1";

const call = async (path: string, init: RequestInit = {}): Promise<any> => {
  const headers = { "content-type": "application/json" };
  const unix = `${world.host.dir}/run/api.sock`;
  const response = await fetch(`http://netloom${path}`, { ...init, headers, unix } as RequestInit);
  return response.json();
};
const create = (plural: string, object: Record<string, unknown>) =>
  call(`${api}/namespaces/default/${plural}`, {
    method: "POST",
    body: JSON.stringify({ apiVersion: "netloom.dev/v1alpha1", ...object }),
  });
const ports = async (): Promise<any[]> => (await call(`${api}/namespaces/default/ports`)).items;

beforeAll(async () => {
  world = await World.make({ control: false });
  list = world.list("red", "red");
  await world.startAgent({ command: "up", words: ["--listen", "127.0.0.1:7440"] });
  const metadata = { name: "red" };
  await create("networks", { kind: "Network", metadata, spec: { type: "bridge" } });
  const spec = { network: "red", cidr: "10.74.0.0/24" };
  await create("subnets", { kind: "Subnet", metadata, spec });
});

afterAll(() => world.remove());

test("two containers reach each other, the API shows them, and nothing is left of them", async () => {
  const { host } = world;
  const [one, two] = [await host.addContainer(), await host.addContainer()];
  await world.must("add", list, one);
  const { ips } = await world.must("add", list, two);
  await host.shell(`ping -c1 -W2 ${ips[0].address.split("/")[0]}`, one);
  await eventually("both are ready", async () => {
    const all = await ports();
    return (
      all.length === 2 &&
      all.every(({ status }) => status?.conditions?.some(({ status }: any) => status === "True"))
    );
  });
  const { status } = await call(`${api}/hosts/h1`);
  expect(status).toMatchObject({ ports: expect.any(Number), addresses: [lan.host4, lan.host6] });
  for (const box of [one, two]) await world.must("del", list, box);
  await eventually("the API knows of none", async () => (await ports()).length === 0);
});

test("its API is served over TLS too, and kubeconfig tells how to reach it", async () => {
  await world.done(["create", "grant", "ann", "user=ann", "role=viewer"]);
  const server = "https://127.0.0.1:7440";
  const made = await world.done(["kubeconfig", "--user", "ann", "--server", server]);
  const { clusters, users } = Bun.YAML.parse(made) as any;
  expect(clusters[0].cluster.server).toBe(server);
  const ca = `${world.host.dir}/state/pki/ca.crt`;
  await world.done([
    "context",
    "set",
    "tls",
    "--server",
    server,
    "--ca",
    ca,
    "--token",
    users[0].user.token,
  ]);
  expect(await world.done(["get", "networks", "-o", "name", "--context", "tls"])).toBe(
    "network.netloom.dev/red\n",
  );
});

test("a host's word of an earlier boot that comes late is refused", async () => {
  const read = await call(`${api}/hosts/h1`);
  const late = {
    metadata: { resourceVersion: String(Number(read.metadata.resourceVersion) - 1) },
    status: { boot: "earlier" },
  };
  const response = await fetch(`http://netloom${api}/hosts/h1/status`, {
    method: "PATCH",
    body: JSON.stringify(late),
    headers: { "content-type": "application/merge-patch+json" },
    unix: `${world.host.dir}/run/api.sock`,
  } as RequestInit);
  expect(await response.json()).toMatchObject({ kind: "Status", code: 409 });
  expect((await call(`${api}/hosts/h1`)).status.boot).toBe(read.status.boot);
});

test("an address beyond the tenant's quota is refused before it is given, with the numbers", async () => {
  const spec = { type: "bridge" };
  await create("networks", { kind: "Network", metadata: { name: "dual" }, spec });
  for (const [name, cidr] of [
    ["dual-4", "10.85.0.0/24"],
    ["dual-6", "fd00:85::/64"],
  ]) {
    await create("subnets", {
      kind: "Subnet",
      metadata: { name },
      spec: { network: "dual", cidr },
    });
  }
  const tenant = {
    ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Tenant", metadata: { name: "all" } },
    spec: { namespaceSelector: {}, quotas: { addresses: 3 } },
  };
  await call(`${api}/tenants`, { method: "POST", body: JSON.stringify(tenant) });
  const dual = world.list("dual", "dual");
  const [box, other] = [await world.host.addContainer(), await world.host.addContainer()];
  await world.must("add", dual, box);
  const { status, stdout } = await world.cni("add", "--json", dual, other);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 7,
    msg: expect.stringContaining("requested: addresses=2, used: addresses=2, limited: addresses=3"),
  });
  await call(`${api}/tenants/all`, { method: "DELETE" });
  await world.must("add", dual, other);
  for (const each of [box, other]) await world.must("del", dual, each);
  await eventually("the API knows of none", async () => (await ports()).length === 0);
});

test("it ends at a signal while a container runs, which keeps its network", async () => {
  const box = await world.host.addContainer();
  await world.must("add", list, box);
  expect(await world.endAgent("SIGTERM")).toBe(0);
  await world.host.shell("ping -c1 -W2 10.74.0.1", box);
  await world.startAgent({ command: "up" });
  await world.must("check", list, box);
  await world.must("del", list, box);
});
