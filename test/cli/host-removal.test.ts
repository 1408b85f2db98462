/** A host that is removed while containers are attached there: what people are told of it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await World.make();
  await world.start("agent", "--host", "h1");
  await world.must("create network lab type=bridge");
  await world.must("create subnet lab network=lab cidr=10.63.0.0/24");
  await world.must("create port kept network=lab");
});
afterAll(() => world.host.remove());

test("a host with containers is told to be going, with what it waits for, and goes after them", async () => {
  const [container, other] = [await world.host.addContainer(), await world.host.addContainer()];
  await world.must(["cni", "add", "lab", container]);
  const kept = ["get", "ports", "-o", "jsonpath={.items[?(@.status.attachment)].metadata.name}"];
  const port = await world.must(kept);
  await world.must("wait host h1 --timeout=20s");
  const live = await world.netloom("host remove h1");
  expect(live).toMatchObject({ status: 4, stderr: expect.stringContaining("or say --force") });
  const { status, stdout, stderr } = await world.netloom("host remove h1 --force");
  expect({ status, stdout }).toEqual({ status: 0, stdout: "host.netloom.dev/h1 terminating\n" });
  expect(stderr).toContain(`It waits for its containers to be detached: default/${port}`);
  expect(stderr).toContain('"netloom host remove h1 --off" ends that');
  const running = await world.netloom("host remove h1 --off");
  expect(running).toMatchObject({
    status: 4,
    stderr: expect.stringContaining("once the host counts as silent"),
  });
  expect(await world.must("get hosts")).toMatch(/\nh1 +Terminating /);
  const refused = await world.netloom(["cni", "add", "lab", other]);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('host "h1" is being removed');
  const gone = world.must("wait host h1 --for=delete --timeout=20s");
  await world.must(["cni", "del", "lab", container]);
  expect(await gone).toBe("host.netloom.dev/h1 is gone\n");
});

test("a host is asked for another WireGuard key, as often as somebody says so", async () => {
  const stdin = "{apiVersion: netloom.dev/v1alpha1, kind: Host, metadata: {name: h9}}";
  await world.must("create -f -", { stdin });
  const path = "jsonpath={.metadata.annotations.netloom\\.dev/rotate-wireguard-key}";
  const asked = async () => {
    const said = await world.must("host rotate-key h9");
    expect(said).toBe("host.netloom.dev/h9 asked for another key\n");
    return world.must(["get", "host", "h9", "-o", path]);
  };
  const first = await asked();
  expect(first).toStartWith("20");
  expect(await asked()).not.toBe(first);
  expect((await world.netloom("host rotate-key")).stderr).toContain("netloom host rotate-key HOST");
});

test("a host that has nothing is removed at once", async () => {
  const stdin = "{apiVersion: netloom.dev/v1alpha1, kind: Host, metadata: {name: h2}}";
  await world.must("create -f -", { stdin });
  expect(await world.must("host remove h2")).toBe("host.netloom.dev/h2 removed\n");
  expect((await world.netloom("get host h2")).status).toBe(3);
});

/** As an agent tells it. */
async function tell(plural: string, name: string, status: object): Promise<void> {
  const response = await fetch(`http://api/apis/netloom.dev/v1alpha1/${plural}/${name}/status`, {
    method: "PATCH",
    unix: `${world.host.dir}/run/api.sock`,
    headers: { "content-type": "application/merge-patch+json" },
    body: JSON.stringify({ status }),
  });
  if (!response.ok) throw new Error(await response.text());
}

test("a host whose machine is off for good goes with what ran on it", async () => {
  const status = { boot: "b1", heartbeat: "2026-01-01T00:00:00Z" };
  const host = { apiVersion: "netloom.dev/v1alpha1", kind: "Host", metadata: { name: "h3" } };
  await world.must("create -f -", { stdin: JSON.stringify(host) });
  await tell("hosts", "h3", status);
  await world.must("create port burnt network=lab");
  await tell("namespaces/default/ports", "burnt", {
    bindings: [{ host: "h3", epoch: 1, active: true }],
  });
  expect(await world.must("host remove h3")).toBe("host.netloom.dev/h3 terminating\n");
  expect(await world.must("host remove h3 --off")).toBe("host.netloom.dev/h3 removed\n");
  const bound = "{.status.bindings[?(@.active==true)].host}";
  expect(await world.must(["get", "port", "burnt", "-o", `jsonpath=${bound}`])).toBe("");
});
