/** Lists and watches of those who may read single objects alone: by a name, or of a tenant. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { a, b, port } from "./cases.ts";
import { object, root, World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await World.make();
  for (const [name, tenant] of [
    ["a", "red"],
    ["b", "blue"],
  ] as const) {
    const namespaceSelector = { matchLabels: { tenant } };
    await world.asRoot("POST", `${root}/tenants`, object("Tenant", tenant, { namespaceSelector }));
    const namespace = object("Namespace", name, {}, { labels: { tenant } });
    await world.asRoot("POST", "/api/v1/namespaces", namespace);
    const network = object("Network", "net", { type: "bridge" });
    await world.asRoot("POST", `${root}/namespaces/${name}/networks`, network);
    await world.person(tenant, { tenant }, { role: "admin", tenant });
  }
  await world.person("viewer", {}, { role: "viewer", tenant: "red" });
  await world.person("root2", {}, { role: "admin" });
});
afterEach(() => world.remove());

const sent = (user: string, path: string) => world.send({ path, token: world.secrets.get(user)! });

/** The code; of a list, the names in it. */
async function listed(user: string, path: string): Promise<number | string[]> {
  const { code, body } = await sent(user, path);
  return code === 200 ? body.items.map(({ metadata }: any) => metadata.name) : code;
}

const named = (name: string) => `fieldSelector=metadata.name%3D${name}`;
const watching = (user: string, path: string) =>
  world.watch(world.secrets.get(user)!, `${path}${path.includes("?") ? "&" : "?"}watch=true`);

test("who may read an object may list and watch it by its name, and nothing else", async () => {
  const tenants = `${root}/tenants`;
  expect(await listed("viewer", `${tenants}?${named("red")}`)).toEqual(["red"]);
  expect(await listed("viewer", `${tenants}?${named("red")}%2Cmetadata.name!%3Dx`)).toEqual([
    "red",
  ]);
  const refused = [
    "",
    `?${named("blue")}`,
    `?${named("")}`,
    "?fieldSelector=metadata.name!%3Dred",
    `?${named("red")}%2Cmetadata.name%3Dblue`,
    "?labelSelector=name%3Dred",
  ];
  for (const query of refused) {
    expect([query, await listed("viewer", tenants + query)]).toEqual([query, 403]);
    const watch = `${tenants}${query === "" ? "?" : `${query}&`}watch=true`;
    expect([watch, (await sent("viewer", watch)).code]).toEqual([watch, 403]);
  }
  for (const path of [`${tenants}?${named("red")}`, `${tenants}/red`]) {
    const events = watching("viewer", path);
    expect((await events.next()).value).toMatchObject({ object: { metadata: { name: "red" } } });
    await world.asRoot("DELETE", `${root}/tenants/none`).catch(() => {});
    const other = object("Tenant", `t${path.length}`, {});
    await world.asRoot("POST", tenants, other);
    const live = await world.asRoot("GET", `${tenants}/red`);
    live.metadata.labels = { seen: String(path.length) };
    await world.asRoot("PUT", `${tenants}/red`, live);
    const next = (await events.next()).value;
    expect(next).toMatchObject({ type: "MODIFIED", object: { metadata: { name: "red" } } });
    await events.return(undefined);
  }
});

test("a name is no way into namespaces of others, nor across them", async () => {
  await world.asRoot("POST", `${b}/ports`, port("p", {}));
  await world.asRoot("POST", `${root}/hosts`, object("Host", "n1", {}));
  await world.asRoot("POST", `${a}/ports`, port("here", { host: "n1" }));
  await world.asRoot("POST", `${a}/ports`, port("there", { host: "n2" }));
  await world.person("n1", {}, { role: "host", host: "n1" });
  expect(await listed("viewer", `${b}/ports?${named("p")}`)).toBe(403);
  expect(await listed("viewer", `${root}/ports?${named("here")}`)).toBe(403);
  expect(await listed("n1", `${root}/ports?${named("here")}`)).toBe(403);
  expect(await listed("n1", `${a}/ports`)).toBe(403);
  expect(await listed("n1", `${a}/ports?${named("here")}`)).toEqual(["here"]);
  expect(await listed("n1", `${a}/ports?${named("there")}`)).toEqual([]);
  expect(await listed("n1", `${root}/hosts?${named("n1")}`)).toEqual(["n1"]);
  expect(await listed("n1", `${root}/hosts?${named("n2")}`)).toBe(403);
});

test("a tenant's admin lists the grants and tokens that name his tenant, page by page", async () => {
  const other = object("Grant", "a-red", { user: "x", role: "viewer", tenant: "red" });
  await world.asRoot("POST", `${root}/grants`, other);
  const mine = ["a-red", "red-0", "viewer-0"];
  expect(await listed("red", `${root}/grants`)).toEqual(mine);
  expect(await listed("red", `${root}/tokens`)).toEqual(["red"]);
  expect(await listed("red", `${root}/tokens?${named("red")}`)).toEqual(["red"]);
  expect(await listed("red", `${root}/tokens?${named("blue")}`)).toEqual([]);
  expect(await listed("red", `${root}/tokens?${named("nothing")}`)).toEqual([]);
  const found: string[] = [];
  for (let next = ""; ; ) {
    const { body } = await sent("red", `${root}/grants?limit=1&continue=${next}`);
    found.push(...body.items.map(({ metadata }: any) => metadata.name));
    next = encodeURIComponent(body.metadata.continue ?? "");
    if (next === "") break;
  }
  expect(found).toEqual(mine);
  const table = await world.send({
    ...{ path: `${root}/tokens`, token: world.secrets.get("red")! },
    headers: ["accept: application/json;as=Table;v=v1;g=meta.k8s.io"],
  });
  expect(table.body.rows).toHaveLength(1);
  expect(table.text).not.toContain("blue");
  for (const plural of ["grants", "tokens"]) {
    expect(await listed("viewer", `${root}/${plural}`)).toBe(403);
    expect((await sent("viewer", `${root}/${plural}?watch=true`)).code).toBe(403);
  }
  expect(await listed("root2", `${root}/tokens`)).toEqual(["blue", "red", "root2", "viewer"]);
});

test("a tenant's admin watches those alone, until his right changes", async () => {
  const events = watching("red", `${root}/grants`);
  const names: string[] = [];
  const next = async () => {
    const { value } = await events.next();
    names.push(`${value.type} ${value.object.metadata?.name ?? value.object.code}`);
  };
  await next();
  await next();
  for (const tenant of ["blue", "red"]) {
    const made = object("Grant", `new-${tenant}`, { user: "x", role: "viewer", tenant });
    await world.asRoot("POST", `${root}/grants`, made);
  }
  await next();
  const moved = await world.asRoot("GET", `${root}/grants/new-red`);
  const spec = { ...moved.spec, tenant: "blue" };
  await world.asRoot("PUT", `${root}/grants/new-red`, { ...moved, spec });
  await next();
  const wider = object("Grant", "red-1", { user: "red", role: "admin", tenant: "blue" });
  await world.asRoot("POST", `${root}/grants`, wider);
  expect(names).toEqual(["ADDED red-0", "ADDED viewer-0", "ADDED new-red", "DELETED new-red"]);
});

test("a watch by a name, or of a tenant, ends with the right to it", async () => {
  const byName = watching("red", `${root}/tenants?${named("red")}`);
  const tokens = watching("red", `${root}/tokens`);
  await byName.next();
  await tokens.next();
  await world.asRoot("DELETE", `${root}/grants/red-0`);
  for (const events of [byName, tokens]) {
    expect((await events.next()).value).toMatchObject({ type: "ERROR", object: { code: 403 } });
    expect((await events.next()).done).toBe(true);
  }
});

test("a watch of a part ends to be begun anew where the part becomes another", async () => {
  await world.person(
    "both",
    {},
    { role: "admin", tenant: "red" },
    { role: "admin", tenant: "blue" },
  );
  const events = watching("both", `${root}/tokens`);
  const names = [(await events.next()).value, (await events.next()).value];
  expect(names.map(({ object }) => object.metadata.name)).toEqual(["blue", "red"]);
  await world.asRoot("DELETE", `${root}/grants/both-1`);
  expect((await events.next()).value).toMatchObject({ type: "ERROR", object: { code: 410 } });
});
