/** Two tenants side by side: what each may do, and what one can't do to the other. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { a, b, mergePatch, network, port } from "./cases.ts";
import { object, root, World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await World.make();
  for (const [name, tenant] of [
    ["a", "red"],
    ["b", "blue"],
  ] as const) {
    const namespaceSelector = { matchLabels: { tenant } };
    const allowed = { uplinks: ["eth1"], taps: [`${tenant}-*`], hostPorts: ["30000-30009"] };
    await world.asRoot(
      "POST",
      `${root}/tenants`,
      object("Tenant", tenant, { namespaceSelector, allowed }),
    );
    const namespace = object("Namespace", name, {}, { labels: { tenant } });
    await world.asRoot("POST", "/api/v1/namespaces", namespace);
    await world.person(tenant, {}, { role: "editor", tenant });
  }
});
afterEach(() => world.remove());

/** What the tenant's editor sends, and how it is answered. */
const as = (tenant: string) => (method: string, path: string, body?: object) =>
  world.send({
    ...{ method, path, token: world.secrets.get(tenant)! },
    ...(body && { body }),
    ...(method === "PATCH" && { headers: mergePatch }),
  });
const red = as("red");
const blue = as("blue");

test("a tenant's members name what it is allowed, and edit what an admin named", async () => {
  const uplink = network("up", { type: "bridge", uplink: "eth1" });
  expect((await red("POST", `${a}/networks`, uplink)).code).toBe(201);
  const vm = port("vm", {
    ...{ network: "up", type: "vm", tap: { name: "red-1" } },
    publish: [{ hostPort: 30_000, containerPort: 80 }],
  });
  expect((await red("POST", `${a}/ports`, vm)).code).toBe(201);
  await world.asRoot("POST", `${a}/networks`, network("lan", { type: "bridge", uplink: "eth9" }));
  expect((await red("PATCH", `${a}/networks/lan`, { spec: { mtu: 1400 } })).code).toBe(200);
  expect((await red("PATCH", `${a}/networks/lan`, { spec: { uplink: "eth1" } })).code).toBe(200);
  const back = await red("PATCH", `${a}/networks/lan`, { spec: { uplink: "eth9" } });
  expect(back.code).toBe(403);
  expect(back.body.message).toContain('spec.uplink: "eth9" is not what members of tenant "red"');
  expect((await red("DELETE", `${a}/networks/lan`)).code).toBe(200);
});

/** A network of tenant red, shared with blue, which has a port on it. */
async function sharedNetwork(): Promise<void> {
  const sharedWith = { matchLabels: { tenant: "blue" } };
  await red("POST", `${a}/networks`, network("shared", { type: "bridge", sharedWith }));
  const made = await blue("POST", `${b}/ports`, port("p", { network: "a/shared" }));
  expect(made.code).toBe(201);
}

const foreground = { propagationPolicy: "Foreground" };

test("a network that others are on does not take them along, by whatever way", async () => {
  await sharedNetwork();
  const refused = await red("DELETE", `${a}/networks/shared`, foreground);
  expect(refused.code).toBe(403);
  expect(refused.body.message).toContain('1 port in namespace "b", which you may not delete');
  const finalizers = ["foregroundDeletion"];
  await red("PATCH", `${a}/networks/shared`, { metadata: { finalizers } });
  expect((await red("DELETE", `${a}/networks/shared`)).code).toBe(403);
  expect((await red("DELETE", `${a}/networks`, foreground)).code).toBe(403);
  expect((await world.asRoot("GET", `${a}/networks/shared`)).metadata.deletionTimestamp).toBe(
    undefined,
  );
  expect((await blue("GET", `${b}/ports/p`)).code).toBe(200);
});

test("it goes with its own, and with others' where an admin of all says so", async () => {
  await sharedNetwork();
  await blue("DELETE", `${b}/ports/p`);
  await red("POST", `${a}/ports`, port("own", { network: "shared" }));
  expect((await red("DELETE", `${a}/networks/shared`, foreground)).code).toBe(200);
  await world.gone(`${a}/ports/own`);
  await world.gone(`${a}/networks/shared`);
  await sharedNetwork();
  await world.asRoot("DELETE", `${a}/networks/shared`, foreground);
  await world.gone(`${b}/ports/p`);
});

test("a network of others is told of like one that is not there", async () => {
  await blue("POST", `${b}/networks`, network("secret"));
  const told = async (name: string) => {
    const fixedIps = [{ subnet: name }];
    const answer = await red("POST", `${a}/ports`, port("x", { network: `b/${name}`, fixedIps }));
    expect(answer.code).toBe(422);
    return answer.text.replaceAll(name, "…");
  };
  expect(await told("secret")).toBe(await told("nothing"));
});

test("a tenant's admin writes no status, by which he could take addresses of others", async () => {
  await sharedNetwork();
  await red("POST", `${a}/ports`, port("own", { network: "shared" }));
  await world.person("chief", {}, { role: "admin", tenant: "red" });
  await world.settle();
  const before = await world.asRoot("GET", `${a}/ports/own`);
  const status = { addresses: [{ address: "10.0.0.5", subnet: "x" }] };
  expect((await as("chief")("PATCH", `${a}/ports/own/status`, { status })).code).toBe(403);
  expect(await world.asRoot("GET", `${a}/ports/own`)).toEqual(before);
});

test("a namespace that leaves the tenant is out of its reach, watches included", async () => {
  await red("POST", `${a}/networks`, network("net"));
  const events = world.watch(world.secrets.get("red")!, `${a}/networks?watch=true`);
  expect((await events.next()).value).toMatchObject({ type: "ADDED" });
  const namespace = await world.asRoot("GET", "/api/v1/namespaces/a");
  delete namespace.metadata.labels.tenant;
  await world.asRoot("PUT", "/api/v1/namespaces/a", namespace);
  let last: any;
  for await (const event of events) last = event;
  expect(last).toMatchObject({ type: "ERROR", object: { code: 403 } });
  expect((await red("GET", `${a}/networks`)).code).toBe(403);
  expect((await red("POST", `${a}/networks`, network("x"))).code).toBe(403);
});

test("nobody names a namespace into his tenant", async () => {
  await world.person("chief", {}, { role: "admin", tenant: "red" });
  const chief = as("chief");
  const labels = { metadata: { labels: { tenant: "red" } } };
  expect((await chief("PATCH", "/api/v1/namespaces/b", labels)).code).toBe(403);
  const namespace = object("Namespace", "c", {}, { labels: { tenant: "red" } });
  expect((await chief("POST", "/api/v1/namespaces", namespace)).code).toBe(403);
  const everything = { spec: { namespaceSelector: {} } };
  expect((await chief("PATCH", `${root}/tenants/red`, everything)).code).toBe(403);
  const allowed = { spec: { allowed: { uplinks: ["*"] } } };
  expect((await chief("PATCH", `${root}/tenants/red`, allowed)).code).toBe(403);
});
