/** What people do with objects, on the command line and against the real server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { World } from "./world.ts";

const example = resolve(import.meta.dir, "../../examples/two-tier.yaml");
const twoTier = [
  "network.netloom.dev/web",
  "network.netloom.dev/data",
  "subnet.netloom.dev/web-v4",
  "subnet.netloom.dev/web-v6",
  "subnet.netloom.dev/data-v4",
  "port.netloom.dev/database",
];
const told = (verb: string, suffix = "") =>
  twoTier.map((name) => `${name} ${verb}${suffix}\n`).join("");

let world: World;
beforeAll(async () => {
  world = await World.make();
});
afterAll(() => world.host.remove());

describe("the example of two tiers", () => {
  test("is checked without a trace, made, and then unchanged", async () => {
    expect(await world.must(`apply -f ${example} --dry-run`)).toContain("web created (dry run)");
    expect(await world.must("get networks")).toBe("");
    expect(await world.must(`apply -f ${example}`)).toBe(told("created"));
    expect(await world.must(`apply -f ${example}`)).toBe(told("unchanged"));
  });

  test("is ready without a container on its port; a machine's port is waited for", async () => {
    await world.must(`apply -f ${example} --wait --timeout=20s`);
    const pool = `{apiVersion: netloom.dev/v1alpha1, kind: IPPool, metadata: {name: front},
spec: {subnet: default/web-v4, ranges: [{start: 10.61.0.200, end: 10.61.0.210}]}}`;
    await world.must("apply -f - --wait --timeout=20s", { stdin: pool });
    const vm = `{apiVersion: netloom.dev/v1alpha1, kind: Port, metadata: {name: vm1},
spec: {network: web, type: vm, host: nobody}}`;
    const late = await world.netloom("apply -f - --wait --timeout=200ms", { stdin: vm });
    expect(late.status).toBe(8);
    expect(late.stderr).toContain("Waited too long for port.netloom.dev/vm1");
    await world.must("delete port/vm1 ippool/front");
  });

  test("differs where a file differs, and apply changes just that", async () => {
    const text = readFileSync(example, "utf8").replace("masquerade: true", "masquerade: false");
    expect(await world.netloom(`diff -f ${example}`)).toMatchObject({ status: 0, stdout: "" });
    const { status, stdout } = await world.netloom("diff -f -", { stdin: text });
    expect(status).toBe(1);
    expect(stdout).toContain("--- live/networks/default/web\n+++ applied/networks/default/web\n");
    expect(stdout).toContain("\n-  masquerade: true\n+  masquerade: false\n");
    expect(stdout.match(/^[-+] /gm)).toHaveLength(2);
    const applied = await world.must("apply -f -", { stdin: text });
    expect(applied.match(/.*configured/g)).toEqual(["network.netloom.dev/web configured"]);
    expect(await world.must(["get", "net/web", "-o", "jsonpath={.spec.masquerade}"])).toBe("false");
  });

  test("is shown as tables, documents and names", async () => {
    const tables = (await world.must("get networks,subnets")).split("\n");
    expect(tables[0]).toMatch(/^NAME +TYPE +SUBNETS +PORTS +READY +AGE$/);
    expect(tables[2]).toMatch(/^network\.netloom\.dev\/web +bridge /);
    expect(tables[4]).toMatch(/^NAME +NETWORK +CIDR +GATEWAY +USED +AGE$/);
    expect(tables[5]).toMatch(/ 10\.62\.0\.0\/24 +10\.62\.0\.1 /);
    expect(await world.must("get ports -A -o wide")).toMatch(
      /^NAMESPACE .*\ndefault +database +data /,
    );
    expect(await world.must("get all -o name")).toContain("port.netloom.dev/database\n");
    const json = JSON.parse(await world.must("get port database -o json"));
    expect(json).toMatchObject({ kind: "Port", spec: { fixedIps: [{ address: "10.62.0.10" }] } });
    expect(json.metadata.managedFields).toBeUndefined();
    const list = Bun.YAML.parse(await world.must("get subnets -l a!=b -o yaml")) as any;
    expect(list).toMatchObject({ kind: "List", items: [{ kind: "Subnet" }, {}, {}] });
    const names = await world.must("get subnets --field-selector spec.network=web -o name");
    expect(names).toBe("subnet.netloom.dev/web-v4\nsubnet.netloom.dev/web-v6\n");
    expect(await world.must("get ports -l app=nothing -o name")).toBe("");
  });

  test("is described with what belongs to it", async () => {
    const text = await world.must("describe network data");
    expect(text).toMatch(/^Name: +data\nKind: +Network\nNamespace: +default\nLabels: +tier=back\n/);
    expect(text).toMatch(/\nSubnets:\n {2}NAME .*\n {2}data-v4 /);
    expect(text).toMatch(/\nPorts:\n {2}NAME .*\n {2}database /);
  });

  test("shows who has its addresses", async () => {
    const table = await world.must("ipam show");
    expect(table).toMatch(/^SUBNET +NETWORK +CIDR .*\ndata-v4 +data +10\./);
    expect(table).toMatch(/\nweb-v6 +web +fd00:61::\/64 +over 2\^53 +0 +over 2\^53 /);
    const rows = JSON.parse(await world.must("ipam show -o json"));
    expect(rows.items.map(({ subnet }: any) => subnet)).toEqual(["data-v4", "web-v4", "web-v6"]);
    expect(rows.items[2]).toMatchObject({ addresses: "over 2^53", free: "over 2^53" });
    expect(await world.must("get subnet web-v6 -o wide")).toContain(" over 2^53 ");
    const text = await world.must("describe subnet web-v6");
    expect(text).toMatch(/\n {2}Gateway: +fd00:61::1\n {2}Service address: +fd00:61::2\n/);
    expect(text).toMatch(/\n {2}Addresses: +over 2\^53\n/);
  });

  test("stays where others stand on it, and goes as a whole by its file", async () => {
    const kept = await world.netloom("delete network web");
    expect(kept.status).toBe(4);
    expect(kept.stderr).toContain('subnets "default/web-v4"');
    expect(await world.must(`delete -f ${example}`)).toBe(
      twoTier
        .toReversed()
        .map((name) => `${name} deleted\n`)
        .join(""),
    );
    expect(await world.must("get all -o name")).toBe("");
    expect(await world.netloom(`delete -f ${example}`)).toMatchObject({ status: 3 });
    await world.must(`delete -f ${example} --ignore-not-found`);
  });
});

describe("one line", () => {
  test("creates, waits, watches and deletes", async () => {
    await world.must("create network lab type=bridge --label tier=test");
    await world.must(["create", "port", "p1", "network=lab", "mac=02:00:00:00:00:01"]);
    const wait = ["wait", "port/p1", "--for=jsonpath={.spec.mac}=02:00:00:00:00:01"];
    expect(await world.must(wait)).toBe("port.netloom.dev/p1 condition met\n");
    const late = await world.netloom("wait port p1 --for=delete --timeout=200ms");
    expect(late.status).toBe(8);
    expect(late.stderr).toContain("it is there, and nobody has deleted it");
    const waiting = world.netloom("wait port p1 --for=delete --timeout=20s");
    expect(await world.must("delete ports -l nothing=here")).toBe("");
    expect(await world.must("delete port p1")).toBe("port.netloom.dev/p1 deleted\n");
    expect(await waiting).toMatchObject({ status: 0, stdout: "port.netloom.dev/p1 is gone\n" });
    await world.must("delete networks -l tier=test");
  });

  test("gives a file for later that can be applied", async () => {
    const words = "create network later type=bridge mtu=1400 --dry-run -o yaml";
    const text = await world.must(words);
    expect(text).toContain("metadata:\n  name: later\n  namespace: default\nspec:\n");
    expect(await world.must("get networks -o name")).toBe("");
    await world.must("apply -f -", { stdin: text });
    await world.must("delete network later");
  });

  test("works in a namespace of its own", async () => {
    await world.must("create namespace team-a");
    await world.must("-n team-a create network blue type=bridge");
    expect(await world.must("get networks -o name")).toBe("");
    expect(await world.must("get networks -A")).toMatch(/\nteam-a +blue +bridge /);
    await world.must("delete network blue -n team-a");
    await world.must("delete namespace team-a --wait=false");
  });
});

describe("an editor", () => {
  const edit = (script: string) => {
    const editor = `${world.host.dir}/editor`;
    writeFileSync(editor, `#!/bin/sh\n${script}\n`);
    chmodSync(editor, 0o755);
    return world.netloom("edit network lab", { env: { NETLOOM_EDITOR: editor } });
  };
  beforeAll(() => world.must("create network lab type=bridge"));
  afterAll(() => world.must("delete network lab"));
  const mtu = () => world.must(["get", "network", "lab", "-o", "jsonpath={.spec.mtu}"]);

  test("changes what a person changed, and nothing where nothing was", async () => {
    expect(await edit("true")).toMatchObject({ status: 0, stderr: "Nothing was changed\n" });
    const done = await edit("sed -i 's/mtu: 0/mtu: 1400/' \"$1\"");
    expect(done).toMatchObject({ status: 0, stdout: "network.netloom.dev/lab edited\n" });
    expect(await mtu()).toBe("1400");
  });

  test("keeps what another changed meanwhile", async () => {
    const another = `${resolve("dist/netloom")} apply -f - --force-conflicts >/dev/null`;
    const script = `sed -i 's/mtu: 1400/mtu: 1300/' "$1"
echo '{"apiVersion":"netloom.dev/v1alpha1","kind":"Network","metadata":{"name":"lab"},"spec":{"type":"bridge","hairpin":false}}' | ${another}`;
    expect(await edit(script)).toMatchObject({ status: 0 });
    const fields = ["get", "network", "lab", "-o", "jsonpath={.spec.mtu} {.spec.hairpin}"];
    expect(await world.must(fields)).toBe("1300 false");
  });

  test("is another manager than apply, which says how to take its fields over", async () => {
    const file = (mtu: number) =>
      `{apiVersion: netloom.dev/v1alpha1, kind: Network, metadata: {name: lab}, spec: {type: bridge, mtu: ${mtu}}}`;
    await world.must("apply -f - --force-conflicts", { stdin: file(1500) });
    await edit("sed -i 's/mtu: 1500/mtu: 1450/' \"$1\"");
    const refused = await world.netloom("apply -f -", { stdin: file(1500) });
    expect(refused.status).toBe(4);
    expect(refused.stderr).toContain('conflict with "netloom-edit" using');
    expect(refused.stderr).toContain("--force-conflicts takes over");
    await world.must("apply -f - --force-conflicts", { stdin: file(1300) });
  });

  test("sees the reason of a refusal, and leaving it as it is ends it", async () => {
    const done = await edit(
      `if grep -q "is invalid" "$1"; then exit 0; fi; sed -i 's/mtu: 1300/mtu: 99999/' "$1"`,
    );
    expect(done.status).toBe(1);
    expect(done.stderr).toContain("Nothing was changed: Network.netloom.dev");
    expect(await mtu()).toBe("1300");
  });
});
