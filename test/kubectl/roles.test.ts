/** kubectl over TLS, with configurations that the command line made for people of every role. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { World } from "../cli/world.ts";
import { run } from "../support/run.ts";

const kubectlPath = resolve(import.meta.dir, "../../.cache/kubectl/kubectl");
const url = "https://127.0.0.1:7440";

let world: World;
beforeAll(async () => {
  world = await World.make("--listen", "127.0.0.1:7440");
  await world.must("create network blue type=bridge");
  for (const role of ["viewer", "editor", "admin"]) {
    await world.must(`create grant ${role} user=${role}-person role=${role}`);
    const token = await world.must(`token create ${role} --user ${role}-person --role ${role}`);
    await kubeconfig(role, token);
  }
  await kubeconfig("host", await world.must("host credential h1"));
});
afterAll(() => world.host.remove());

const file = (name: string) => `${world.host.dir}/${name}`;

/** Writes the configuration that the command line prints for this token. */
async function kubeconfig(name: string, token: string): Promise<void> {
  writeFileSync(file(`${name}.token`), token);
  const words = ["kubeconfig", "--server", url, "--token-file", file(`${name}.token`)];
  writeFileSync(file(`${name}.kubeconfig`), await world.must(words));
}

function kubectl(name: string, words: string, stdin = "") {
  const { dir, netns } = world.host;
  const places = [`--kubeconfig=${file(`${name}.kubeconfig`)}`, `--cache-dir=${dir}/cache-${name}`];
  const env = { HOME: dir, TMPDIR: dir };
  return run([kubectlPath, ...places, ...words.split(" ")], { netns, env, stdin });
}

const document = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: "netloom.dev/v1alpha1", kind, metadata: { name }, spec });
const network = (name: string) => document("Network", name, { type: "bridge" });
const grant = (name: string) => document("Grant", name, { user: "x", role: "viewer" });
const port = (name: string, host: string) =>
  JSON.stringify({
    ...JSON.parse(document("Port", name, { network: "blue", host })),
    metadata: { name, labels: { "netloom.dev/made-by": "agent" } },
  });

describe("kubectl is told what a role may do", () => {
  const asked = ["list networks", "create networks", "create grants", "get tokens"] as const;
  const answers: [role: string, ...answers: string[]][] = [
    ["viewer", "yes", "no", "no", "no"],
    ["editor", "yes", "yes", "no", "no"],
    ["admin", "yes", "yes", "yes", "yes"],
    ["host", "no", "no", "no", "no"],
  ];
  test.each(answers)("%s", async (role, ...expected) => {
    const said: string[] = [];
    for (const words of asked) {
      const [verb, resource] = words.split(" ");
      const { stdout } = await kubectl(role, `auth can-i ${verb} ${resource}.netloom.dev`);
      // Behind it stands the reason, where it is no.
      said.push(stdout.trim().split(" ")[0]!);
    }
    expect(said).toEqual(expected);
  });
});

describe("a role writes what it may, and nothing else", () => {
  const cases: [role: string, allowed: string | undefined, forbidden: string][] = [
    ["viewer", undefined, network("of-viewer")],
    ["editor", network("of-editor"), grant("of-editor")],
    ["host", port("of-h1", "h1"), port("of-h2", "h2")],
  ];
  test.each(cases)("%s", async (role, allowed, forbidden) => {
    const refused = await kubectl(role, "create -f -", forbidden);
    expect(refused.stderr).toContain("Error from server (Forbidden)");
    expect(refused.status).toBe(1);
    const { kind, metadata } = JSON.parse(forbidden);
    expect((await world.netloom(`get ${kind} ${metadata.name}`)).status).toBe(3);
    if (allowed === undefined) return;
    const made = await kubectl(role, "create -f -", allowed);
    expect(made.stderr).toBe("");
    expect(made.stdout).toEndWith(" created\n");
  });

  test("admin, but for the status of tokens", async () => {
    expect((await kubectl("admin", "create -f -", grant("of-admin"))).stdout).toEndWith(
      " created\n",
    );
    const patch = "patch token viewer --subresource=status --type=merge -p";
    const refused = await kubectl("admin", `${patch} {"status":{"hash":"x"}}`);
    expect(refused.stderr).toContain("Forbidden");
    expect((await kubectl("admin", "delete grant of-admin")).status).toBe(0);
  });

  test("viewer reads", async () => {
    expect((await kubectl("viewer", "get networks blue -o name")).stdout).toBe(
      "network.netloom.dev/blue\n",
    );
  });
});

describe("netloom kubeconfig", () => {
  test("makes a token for a user, which ends at once when it is revoked", async () => {
    await world.must("create grant ann user=ann role=editor");
    const words = `kubeconfig --user ann --role viewer --expires 1h --server ${url} -n default`;
    const { stdout, stderr } = await world.netloom(words);
    const name = /Token "(kubeconfig-[a-z0-9]+)" of user "ann" ends at/.exec(stderr)?.[1];
    expect(name).toBeDefined();
    writeFileSync(file("ann.kubeconfig"), stdout);
    expect(
      (await kubectl("ann", "auth whoami -o jsonpath={.status.userInfo.username}")).stdout,
    ).toBe("ann");
    // Granted is editor: the token counts for less.
    expect((await kubectl("ann", "create -f -", network("of-ann"))).stderr).toContain("Forbidden");
    await world.must(`token revoke ${name}`);
    const { stderr: unauthorized } = await kubectl("ann", "get networks");
    expect(unauthorized).toContain("You must be logged in to the server");
  });

  test("takes server, authority and token of a context", async () => {
    const ca = file("state/pki/ca.crt");
    const files = ["--ca", ca, "--token-file", file("viewer.token")];
    const context = ["context", "set", "tls", "--server", url, ...files];
    const env = { NETLOOM_CONFIG: file("tls.yaml") };
    await world.must(context, { env });
    writeFileSync(file("context.kubeconfig"), await world.must("kubeconfig", { env }));
    expect((await kubectl("context", "get networks blue -o name")).status).toBe(0);
    expect(statSync(env.NETLOOM_CONFIG).mode & 0o777).toBe(0o600);
  });

  const refused: [words: string, message: string][] = [
    ["", "kubectl can't use a Unix socket"],
    ["--server http://a:1", "is none for kubectl"],
    [`--server ${url}`, "There is no token"],
    [`--server ${url} --user a --token b`, "name two tokens"],
    [`--server ${url} --role viewer --token b`, "say whose with --user"],
    [`--server ${url} now`, 'takes no "now"'],
  ];
  test.each(refused)("refuses %s", async (words, message) => {
    const { status, stderr } = await world.netloom(`kubeconfig ${words}`.trim());
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
  });

  test("makes no token where it can't print one", async () => {
    const before = await world.must("get tokens -o name");
    const words = `kubeconfig --user a --server ${url} --ca ${file("absent")}`;
    expect((await world.netloom(words)).stderr).toContain("(ENOENT)");
    expect(await world.must("get tokens -o name")).toBe(before);
  });
});

test("a host's credential is made once, and anew when its token was revoked", async () => {
  await world.must("host credential h9 --expires 1h");
  expect((await world.netloom("host credential h9")).status).toBe(4);
  await world.must("token revoke h9");
  expect(await world.must("host credential h9")).toStartWith("nlt_");
  await world.must("create grant h8 user=eve role=viewer");
  const { status, stderr } = await world.netloom("host credential h8");
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('it grants "viewer" to "eve"'),
  });
});
