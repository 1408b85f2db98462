/** What people and agents may do, how it ends, and how much of it there is. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { usualLimits } from "../../src/control/access/limits.ts";
import { startServer } from "../../src/control/server.ts";
import { silentLog } from "../../src/lib/log.ts";
import { object, root, World } from "./world.ts";

let world: World;
const networks = `${root}/namespaces/default/networks`;
const ports = `${root}/namespaces/default/ports`;

beforeEach(async () => {
  world = await World.make({ ...usualLimits, failures: { perSecond: 0.01, burst: 3 }, watches: 2 });
});
afterEach(() => world.remove());

/** A watch that has begun: an object was told. */
async function begunWatch(token: string) {
  const events = world.watch(token, `${networks}?watch=true`);
  expect((await events.next()).value).toMatchObject({ type: "ADDED" });
  return events;
}

async function oneNetwork(): Promise<void> {
  await world.asRoot("POST", networks, object("Network", "net", { type: "bridge" }));
  // Its status is told once.
  await world.settle();
}

test("a token's secret is shown once, and its use is noted", async () => {
  const secret = await world.person("viewer", {}, { role: "viewer" });
  expect(secret).toMatch(/^nlt_[\w-]{43}$/);
  expect((await world.send({ path: networks, token: secret })).code).toBe(200);
  await world.noted("viewer");
  const read = await world.asRoot("GET", `${root}/tokens/viewer`);
  expect(JSON.stringify(read)).not.toContain(secret);
  expect(JSON.stringify(world.audited())).not.toContain(secret);
  const { entries } = await world.store.list("");
  expect(JSON.stringify(entries)).not.toContain(secret);
  expect(statSync(`${world.folder}/state/audit.log`).mode & 0o777).toBe(0o600);
});

test("a watch ends with its token, with its grant, and with its time", async () => {
  await oneNetwork();
  const ends: [string, () => Promise<unknown>][] = [
    ["a", () => world.asRoot("DELETE", `${root}/tokens/a`)],
    ["b", () => world.asRoot("DELETE", `${root}/grants/b-0`)],
  ];
  for (const [user, end] of ends) {
    const secret = await world.person(user, {}, { role: "viewer" });
    const events = await begunWatch(secret);
    await end();
    expect((await events.next()).value).toMatchObject({ type: "ERROR", object: { code: 403 } });
    expect((await events.next()).done).toBe(true);
  }
  const expires = new Date(Date.now() + 3000).toISOString();
  const events = await begunWatch(await world.person("c", { expires }, { role: "viewer" }));
  expect((await events.next()).value).toMatchObject({ type: "ERROR" });
  expect((await world.send({ path: networks, token: world.secrets.get("c")! })).code).toBe(401);
});

test("a revoked token is refused from the answer on", async () => {
  const secret = await world.person("viewer", {}, { role: "viewer" });
  expect((await world.send({ path: networks, token: secret })).code).toBe(200);
  await world.asRoot("DELETE", `${root}/tokens/viewer`);
  expect((await world.send({ path: networks, token: secret })).code).toBe(401);
});

test("a token that is revoked at one server is refused by the others in moments", async () => {
  const stateDir = `${world.folder}/other`;
  mkdirSync(stateDir);
  const tls = { host: "127.0.0.1", port: 0, files: {} };
  const other = await startServer({
    ...{ store: world.store, stateDir, runDir: `${stateDir}/run`, version: "0", tls },
    ...{ log: silentLog, limits: usualLimits },
  });
  try {
    const ca = readFileSync(`${stateDir}/pki/ca.crt`, "utf8");
    const ask = (token: string, query = "") =>
      fetch(`https://127.0.0.1:${other.port}${networks}${query}`, {
        headers: { authorization: `Bearer ${token}` },
        tls: { ca },
      });
    const secret = await world.person("viewer", {}, { role: "viewer" });
    expect((await ask(secret)).status).toBe(200);
    const watch = await ask(secret, "?watch=true");
    await world.asRoot("DELETE", `${root}/tokens/viewer`);
    expect(await watch.text()).toContain('"code":403');
    expect((await ask(secret)).status).toBe(401);
  } finally {
    await other.close();
  }
});

test("a token that is revoked while its request's body is on its way changes nothing", async () => {
  const secret = await world.person("editor", {}, { role: "editor" });
  const body = JSON.stringify(object("Network", "late", { type: "none" }));
  const head = [
    `POST ${networks} HTTP/1.1`,
    ...["host: x", "connection: close", "content-type: application/json"],
    ...[`authorization: Bearer ${secret}`, `content-length: ${body.length}`],
  ];
  const begun = world.begin(`${head.join("\r\n")}\r\n\r\n${body.slice(0, 10)}`);
  // Whose token was noted as used was let in, and his body is waited for.
  await world.noted("editor");
  await world.asRoot("DELETE", `${root}/tokens/editor`);
  begun.write(body.slice(10));
  expect((await begun.answer).code).toBe(403);
  expect(world.audited().at(-1)).toMatchObject({ user: "editor", verb: "create", code: 403 });
  await expect(world.asRoot("GET", `${networks}/late`)).rejects.toThrow("not found");
});

test("a watch ends when the end of its token is moved to before", async () => {
  await oneNetwork();
  const events = await begunWatch(await world.person("a", {}, { role: "viewer" }));
  const token = await world.asRoot("GET", `${root}/tokens/a`);
  const expires = new Date(Date.now() + 1500).toISOString();
  await world.asRoot("PUT", `${root}/tokens/a`, { ...token, spec: { ...token.spec, expires } });
  expect((await events.next()).value).toMatchObject({ type: "ERROR", object: { code: 403 } });
});

test("a certificate that ends on an open connection counts no more", async () => {
  await oneNetwork();
  await world.person("viewer", {}, { role: "viewer" });
  const lasts = 3000;
  const now = new Date(Date.now() - 24 * 3600_000 + lasts);
  const certificate = world.certificate("viewer", world.authority, now);
  const request = `GET ${networks}/net HTTP/1.1\r\nhost: x\r\n`;
  const begun = world.begin(`${request}\r\n`, certificate);
  await Bun.sleep(lasts);
  begun.write(`${request}connection: close\r\n\r\n`);
  const { text, head } = await begun.answer;
  expect(head).toStartWith("HTTP/1.1 200");
  expect(text).toContain("HTTP/1.1 401");
});

test("what one token uses up is there for its user's others", async () => {
  await world.remove();
  world = await World.make({ ...usualLimits, credential: { perSecond: 0.01, burst: 2 } });
  const first = await world.person("n1", {}, { role: "viewer" });
  const other = object("Token", "other", { user: "n1" });
  const { secret } = (await world.asRoot("POST", `${root}/tokens`, other)).status;
  const codeOf = async (token: string) => (await world.send({ path: networks, token })).code;
  expect([await codeOf(secret), await codeOf(secret), await codeOf(secret)]).toEqual([
    ...[200, 200, 429],
  ]);
  expect(await codeOf(first)).toBe(200);
});

test("who fails again and again must wait, and who doesn't need not", async () => {
  const secret = await world.person("viewer", {}, { role: "viewer" });
  const codes: number[] = [];
  for (let i = 0; i < 4; i++) codes.push((await world.send({ path: networks })).code);
  expect(codes).toEqual([401, 401, 401, 429]);
  const late = await world.send({ path: networks });
  expect(late.head.toLowerCase()).toMatch(/\r\nretry-after: \d+/);
  expect(world.audited().at(-1)).toMatchObject({ code: 429, user: null, address: "127.0.0.1" });
  expect((await world.send({ path: networks, token: secret })).code).toBe(200);
});

test("nobody holds more watches than he may, and those that ended don't count", async () => {
  await oneNetwork();
  const secret = await world.person("viewer", {}, { role: "viewer" });
  const first = await begunWatch(secret);
  const second = await begunWatch(secret);
  expect((await world.send({ path: `${networks}?watch=true`, token: secret })).code).toBe(429);
  await first.return(undefined);
  for (let third: unknown; third === undefined; ) third = await begunWatch(secret).catch(() => {});
  await second.return(undefined);
});

test("an agent tells of itself, and makes, tells of and ends its own ports", async () => {
  await oneNetwork();
  const token = await world.person("n1", { role: "host" }, { role: "host", host: "n1" });
  const send = async (method: string, path: string, body?: object) => {
    const headers = method === "PATCH" ? ["content-type: application/merge-patch+json"] : [];
    return (await world.send({ method, path, headers, token, ...(body && { body }) })).code;
  };
  // Which addresses are the host's own is for its operator to say.
  const prefixes = [{ subnet: "default/net", cidr: "10.1.0.0/24" }];
  expect(await send("POST", `${root}/hosts`, object("Host", "n1", { prefixes }))).toBe(403);
  expect(await send("POST", `${root}/hosts`, object("Host", "n1", {}))).toBe(201);
  expect(await send("PATCH", `${root}/hosts/n1/status`, { status: { ports: 1 } })).toBe(200);
  const made = { labels: { "netloom.dev/made-by": "agent" } };
  const port = object("Port", "web", { network: "net", host: "n1" }, made);
  expect(await send("POST", ports, port)).toBe(201);
  const bindings = [{ host: "n1", epoch: 1, active: true }];
  expect(await send("PATCH", `${ports}/web/status`, { status: { bindings } })).toBe(200);
  const spec = world.watch(token, `${root}/hosts/n1/nodespec?watch=true`);
  const names: string[] = [];
  for await (const { type, object } of spec) {
    if (type === "BOOKMARK") break;
    names.push(`${object.kind} ${object.metadata.name}`);
  }
  expect(names).toContain("Port web");
  expect(await send("DELETE", `${ports}/web`)).toBe(200);
});

test("a tenant's admin grants what he has, within his tenant", async () => {
  await world.asRoot("POST", `${root}/tenants`, object("Tenant", "red", {}));
  const grant = object("Grant", "new", { user: "x", role: "editor", tenant: "red" });
  const token = await world.person("red", {}, { role: "admin", tenant: "red" });
  const sent = { method: "POST", path: `${root}/grants`, body: grant, token };
  expect((await world.send(sent)).code).toBe(201);
  const path = `${root}/grants/new`;
  expect((await world.send({ path, token })).code).toBe(200);
  expect((await world.send({ method: "DELETE", path, token })).code).toBe(200);
});

test("the audit log tells who changed what, from what, to what, and what was only tried", async () => {
  await oneNetwork();
  const token = await world.person("editor", {}, { role: "editor" });
  const headers = ["content-type: application/merge-patch+json"];
  const patch = { method: "PATCH", body: { spec: { mtu: 1400 } }, headers, token };
  await world.send({ ...patch, path: `${networks}/net?dryRun=All` });
  await world.send({ ...patch, path: `${networks}/net` });
  const [tried, done] = world.audited().slice(-2);
  const line = { user: "editor", verb: "patch", resource: "networks", name: "net", code: 200 };
  expect(tried).toMatchObject({ ...line, dryRun: true });
  expect(done).toMatchObject({ ...line, namespace: "default", source: "token", token: "editor" });
  expect(done.dryRun).toBeUndefined();
  expect(done.change).toContainEqual({ path: "spec.mtu", old: 0, new: 1400 });
  await world.send({ ...patch, path: `${networks}/net` });
  const again = world.audited().at(-1);
  expect(again).toMatchObject({ ...line, objectUid: done.objectUid });
  expect(again.change).toBeUndefined();
});
