/** What must not be: each is refused with its code, changes nothing, and is told of. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeCertificate } from "../../src/control/access/tls/certificate.ts";
import { a, b, type Case, network } from "./cases.ts";
import { malformed, paths } from "./cases-forms.ts";
import { hostThings } from "./cases-host-things.ts";
import { agents, tenants } from "./cases-places.ts";
import { roles, strangers } from "./cases-roles.ts";
import { object, root, type Sent, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  const create = (path: string, body: object) => world.asRoot("POST", path, body);
  for (const [name, tenant] of [
    ["a", "red"],
    ["b", "blue"],
  ] as const) {
    const namespaceSelector = { matchLabels: { tenant } };
    const allowed = { parents: ["eth1"], hostPorts: ["30000-32767"], subnets: ["10.0.0.0/8"] };
    await create(`${root}/tenants`, object("Tenant", tenant, { namespaceSelector, allowed }));
    const labels = { tenant };
    await create("/api/v1/namespaces", object("Namespace", name, {}, { labels }));
    await create(`${root}/namespaces/${name}/networks`, network("net"));
  }
  for (const host of ["n1", "n2"]) await create(`${root}/hosts`, object("Host", host, {}));
  await create(`${a}/ports`, object("Port", "here", { network: "net", host: "n1" }));
  await create(
    `${a}/ports`,
    object(
      "Port",
      "there",
      { network: "net", host: "n2" },
      { labels: { "netloom.dev/made-by": "agent" } },
    ),
  );
  await create(`${a}/subnets`, object("Subnet", "net", { network: "net", cidr: "10.8.0.0/24" }));
  for (const host of ["n1", "n2"]) await world.lease(host, "a/net");
  const sharedWith = { matchLabels: { tenant: "blue" } };
  await create(`${a}/networks`, network("shared", { type: "bridge", sharedWith }));
  await create(
    `${a}/subnets`,
    object("Subnet", "shared", { network: "shared", cidr: "10.9.0.0/24" }),
  );
  for (const name of ["one", "two"]) {
    await create(`${b}/ports`, object("Port", name, { network: "a/shared" }));
  }
  await create(`${root}/ippools`, object("IPPool", "pool", { subnet: "a/shared" }));
  // What only an admin of all tenants could name.
  await create(`${a}/networks`, network("lan", { type: "bridge", uplink: "eth7" }));
  await world.person("nobody", {});
  await world.person("viewer", {}, { role: "viewer" });
  await world.person("editor", {}, { role: "editor" });
  await world.person("admin", {}, { role: "admin" });
  await world.person("red-viewer", {}, { role: "viewer", tenant: "red" });
  await world.person("red-editor", {}, { role: "editor", tenant: "red" });
  await world.person("blue-editor", {}, { role: "editor", tenant: "blue" });
  await world.person("red-admin", {}, { role: "admin", tenant: "red" });
  await world.person("less", { role: "viewer" }, { role: "admin" });
  await world.person("within", { tenant: "red" }, { role: "admin" });
  await world.person("n1", {}, { role: "host", host: "n1" });
  await world.person("expired", { expires: "2020-01-01T00:00:00Z" }, { role: "admin" });
  await world.person("revoked", {}, { role: "admin" });
  for (const secret of world.secrets.values())
    await world.send({ path: "/version", token: secret });
  await world.asRoot("DELETE", `${root}/tokens/revoked`);
  await world.settle();
});
afterAll(() => world.remove());

/** What stands in the place of a token. */
const forged: [what: string, header: (secret: string) => string][] = [
  ["of the right form", () => `Bearer nlt_${"A".repeat(43)}`],
  ["too short", () => "Bearer nlt_A"],
  ["too long", (secret) => `Bearer ${secret}A`],
  ["with its last letter cut off", (secret) => `Bearer ${secret.slice(0, -1)}`],
  [
    "with its last letters another",
    (secret) => `Bearer ${secret.slice(0, -2)}${secret.endsWith("AA") ? "BB" : "AA"}`,
  ],
  ["in capitals", (secret) => `Bearer ${secret.toUpperCase()}`],
  ["without its prefix", (secret) => `Bearer ${secret.slice(4)}`],
  ["of another scheme", (secret) => `Basic ${Buffer.from(`admin:${secret}`).toString("base64")}`],
  ["without a scheme", (secret) => secret],
  ["twice in a line", (secret) => `Bearer ${secret}, Bearer ${secret}`],
  ["with more behind it", (secret) => `Bearer ${secret} x`],
  ["that is empty", () => "Bearer "],
  [
    "that is a hash",
    (secret) => `Bearer ${new Bun.CryptoHasher("sha256").update(secret).digest("hex")}`,
  ],
  ["that is a JWT", () => "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."],
  ["that is a name of every object", () => "Bearer __proto__"],
];

/** Headers by which other servers can be told who calls. */
const claims = [
  "x-remote-user: root",
  "x-remote-group: system:masters",
  "impersonate-user: root",
  "x-forwarded-for: 127.0.0.1",
  "x-forwarded-client-cert: Subject=CN=admin",
  "x-ssl-client-cn: admin",
  "cookie: token=admin",
];

const anybody = expect.any(String);
/** What a read that is in order may come to. */
const ordinary = [404, 410];
const isReading = ({ method }: Sent) => method === "GET";

/** Refused with this code, without a change, and audited where it must be, as this user's. */
async function refused(sent: Sent, code: number, user?: string): Promise<void> {
  const before = await world.state();
  const lines = world.audited().length;
  const answer = await world.send(sent);
  expect({ code: answer.code, text: answer.text.slice(0, 300) }).toMatchObject({ code });
  expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", code });
  expect(answer.text).not.toContain("    at ");
  expect(await world.state()).toEqual(before);
  const added = world.audited().slice(lines);
  const isTold = !ordinary.includes(code) || !isReading(sent);
  expect(added).toHaveLength(isTold ? 1 : 0);
  if (isTold)
    expect(added[0]).toMatchObject({ code, user: code === 401 ? null : (user ?? anybody) });
}

const tables: Readonly<Record<string, readonly Case[]>> = {
  "of strangers": strangers,
  "beyond a role": roles,
  "beyond a tenant": tenants,
  "of a host's things": hostThings,
  "beyond a host": agents,
  "of a wrong form": malformed,
  "by methods and paths": paths,
};

for (const [name, cases] of Object.entries(tables)) {
  describe(`${name}:`, () => {
    for (const [what, who, method, path, code, body, headers] of cases) {
      test(`${what} is refused`, async () => {
        const secret = who === "" ? {} : { token: world.secrets.get(who)! };
        await refused(
          { method, path, body, ...secret, ...(headers && { headers }) },
          code,
          who || undefined,
        );
      });
    }
  });
}

describe("a token", () => {
  for (const [what, header] of forged) {
    test(`${what} is refused`, async () => {
      const headers = [`authorization: ${header(world.secrets.get("admin")!)}`];
      await refused({ method: "DELETE", path: `${a}/networks/net`, headers }, 401);
    });
  }
  test("in the address is none", async () => {
    const secret = world.secrets.get("admin");
    await refused({ method: "DELETE", path: `${a}/networks/net?access_token=${secret}` }, 401);
  });
});

describe("a header does not tell who calls:", () => {
  for (const header of claims) {
    test(header, () =>
      refused({ method: "DELETE", path: `${a}/networks/net`, headers: [header] }, 401),
    );
    test(`${header}, beside a token`, () => {
      const token = world.secrets.get("viewer")!;
      return refused(
        { method: "DELETE", path: `${a}/networks/net`, headers: [header], token },
        403,
      );
    });
  }
});

describe("a client certificate", () => {
  const path = `${a}/networks`;
  test("of ours tells who calls, and grants decide", async () => {
    const certificate = world.certificate("viewer");
    expect((await world.send({ path, certificate })).code).toBe(200);
    await refused({ method: "POST", path, body: network("x"), certificate }, 403);
  });
  test("of another authority is nothing", async () => {
    const now = new Date();
    const other = { subject: "netloom authority", use: "authority", days: 1, now } as const;
    const certificate = world.certificate("admin", makeCertificate(other));
    await refused({ method: "DELETE", path: `${path}/net`, certificate }, 401);
  });
  test("of nobody but itself is nothing", async () => {
    const own = { subject: "admin", use: "client", days: 1, now: new Date() } as const;
    await refused(
      { method: "DELETE", path: `${path}/net`, certificate: makeCertificate(own) },
      401,
    );
  });
  test("that calls itself root is nobody who was granted anything", () => {
    const certificate = world.certificate("root");
    return refused({ method: "DELETE", path: `${path}/net`, certificate }, 403);
  });
  test("does not make a bad token good", () => {
    const certificate = world.certificate("admin");
    const token = `nlt_${"A".repeat(43)}`;
    return refused({ method: "DELETE", path: `${path}/net`, certificate, token }, 401);
  });
});

describe("cut off, before anybody is asked:", () => {
  const rejected = async (text: string) => {
    const before = await world.state();
    const answer = await world.raw(text).catch(() => undefined);
    expect(answer === undefined || [400, 431].includes(answer.code)).toBe(true);
    expect(await world.state()).toEqual(before);
  };
  const head = (...lines: readonly string[]) => `${lines.join("\r\n")}\r\n\r\n`;
  test("a method in small letters", () =>
    rejected(head(`delete ${a}/networks/net HTTP/1.1`, "host: x", "connection: close")));
  test("what is no HTTP", () => rejected("\0\x01\x02 hello\r\n\r\n"));
  test("headers without end", () => {
    const long = `x: ${"x".repeat(100_000)}`;
    return rejected(head(`GET ${a}/networks HTTP/1.1`, "host: x", "connection: close", long));
  });
  test("two lengths of one body", () => {
    const lengths = ["content-length: 2", "content-length: 40", "connection: close"];
    return rejected(`${head(`POST ${a}/networks HTTP/1.1`, "host: x", ...lengths)}{}`);
  });
});
