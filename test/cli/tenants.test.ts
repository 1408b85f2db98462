/** The command line over TLS, in the hands of a tenant's members. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { World } from "./world.ts";

const url = "https://127.0.0.1:7440";

let world: World;
beforeAll(async () => {
  world = await World.make("--listen", "127.0.0.1:7440");
  theirs.env.NETLOOM_CONFIG = file("theirs.yaml");
  const tenant = { namespaceSelector: { matchLabels: { tenant: "red" } } };
  const stdin = JSON.stringify({
    ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Tenant", metadata: { name: "red" } },
    spec: tenant,
  });
  await world.must("apply -f -", { stdin });
  const namespace = { name: "red", labels: { tenant: "red" } };
  const made = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: namespace });
  await world.must("apply -f -", { stdin: made });
  await world.must("create namespace other");
  await world.must("create network blue type=bridge -n red");
  await world.must("create subnet web network=blue cidr=10.1.0.0/24 -n red");
  await world.must("create port a network=blue -n red");
  await world.must("create port full network=red/blue -n red");
  for (const role of ["editor", "admin"]) {
    await world.must(`create grant red-${role} user=${role} role=${role} tenant=red`);
    const token = await world.must(`token create ${role} --user ${role} --tenant red`);
    writeFileSync(file(`${role}.token`), token);
    await context(role, role);
  }
});
afterAll(() => world.host.remove());

const file = (name: string) => `${world.host.dir}/${name}`;

/** Their own file of contexts: without it, the host's socket is asked. */
const theirs = { env: { NETLOOM_CONFIG: "" } };

/** A context of this name that shows the token of that file. */
const context = (name: string, token: string) =>
  world.must(
    `context set ${name} --server ${url} -n red --ca ${world.env.NETLOOM_STATE_DIR}/pki/ca.crt ` +
      `--token-file ${file(`${token}.token`)}`,
    theirs,
  );

/** Runs `netloom` as whom a context stands for. */
const as = (name: string, words: string) => world.netloom(`${words} --context ${name}`, theirs);

const elsewhere = "Ports of other namespaces are not shown: you may not list them\n";

test("ipam show tells of the ports in sight, and that there may be others", async () => {
  const done = await as("editor", "ipam show web");
  expect(done).toMatchObject({ status: 0, stderr: elsewhere });
  expect(done.stdout).toContain("10.1.0.1");
  const whole = await world.netloom("ipam show web -n red");
  expect(whole).toMatchObject({ status: 0, stdout: done.stdout, stderr: "" });
});

test("what a tenant's admin ends is waited for, and what he may read is watched", async () => {
  await world.must("create grant g3 user=x role=viewer tenant=red");
  await world.must("token create t3 --user x --tenant red");
  const listed = await as("admin", "get grants -o name");
  expect(listed.stdout.split("\n").map((name) => name.split("/")[1])).toContain("g3");
  expect((await as("admin", "token list")).stdout).toMatch(/\nt3 /);
  for (const what of ["grant g3", "token t3"]) {
    expect(await as("admin", `delete ${what}`)).toMatchObject({ status: 0, stderr: "" });
    expect(await as("admin", `wait ${what} --for=delete`)).toMatchObject({ status: 0 });
  }
  const waited = "wait tenant red --for=jsonpath={.metadata.name}=red";
  expect(await as("editor", waited)).toMatchObject({ status: 0, stderr: "" });
});

test("a credential that is refused is told of with its place, its server and what to do", async () => {
  await world.must("create grant late user=late role=viewer");
  writeFileSync(file("late.token"), await world.must("token create late"));
  writeFileSync(file("forged.token"), `nlt_${"A".repeat(43)}\n`);
  writeFileSync(file("malformed.token"), "hello\n");
  for (const name of ["late", "forged", "malformed"]) await context(name, name);
  expect((await as("late", "get networks")).status).toBe(0);
  await world.must("token revoke late");
  for (const name of ["late", "forged", "malformed"]) {
    for (const words of ["get networks", "watch networks"]) {
      const { status, stderr } = await as(name, words);
      expect(status).toBe(5);
      expect(stderr).toBe(
        `netloom: Unauthorized: ${url} (context "${name}") does not accept the token in ` +
          `"${file(`${name}.token`)}": it was revoked, its time is over, or it is none of that ` +
          'server. Ask an admin there for another, from "netloom token create"\n',
      );
    }
  }
  const given = await as("late", "get networks --token x");
  expect(given.stderr).toContain("does not accept the token of --token: ");
});

test("describe network tells of the ports in sight, and that there may be others", async () => {
  const done = await as("editor", "describe network blue");
  expect(done).toMatchObject({ status: 0, stderr: elsewhere });
  expect(done.stdout).toContain("\nPorts:\n");
  expect(done.stdout).toMatch(/\nPorts that name its namespace:\n.*\n +red +full /);
  expect((await world.netloom("describe network blue -n red")).stderr).toBe("");
  const all = await as("editor", "describe networks");
  expect(all).toMatchObject({ status: 0, stderr: elsewhere });
});
