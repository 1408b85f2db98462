/** The real kubectl against the server: what it understands, and what it tells people. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await World.make();
});
afterAll(() => world.remove());

const kubectl = (...words: readonly string[]) => world.kubectl(...words);
/** What it says where all goes well. */
async function says(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await kubectl(...words);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout;
}

const document = (name: string, more = "") => `apiVersion: netloom.dev/v1alpha1
kind: Network
metadata: {name: ${name}, labels: {tier: web}}
spec: {type: bridge${more}}
---
apiVersion: netloom.dev/v1alpha1
kind: Subnet
metadata: {name: ${name}-a}
spec: {network: ${name}, cidr: 10.1.0.0/24}
---
apiVersion: netloom.dev/v1alpha1
kind: Port
metadata: {name: ${name}-web}
spec: {network: ${name}}
`;
const cells = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(/\s{2,}/));

/** A network with a subnet and a port. */
async function declare(name: string): Promise<string> {
  const file = world.file(`${name}.yaml`, document(name));
  await says("apply", "-f", file);
  return file;
}

describe("kubectl", () => {
  test("lists all kinds with their short names", async () => {
    const rows = cells(await says("api-resources", "--api-group=netloom.dev"));
    expect(rows).toContainEqual(["networks", "net", "netloom.dev/v1alpha1", "true", "Network"]);
    expect(rows).toContainEqual(["hosts", "ho", "netloom.dev/v1alpha1", "false", "Host"]);
  });

  test("explains fields", async () => {
    const text = await says("explain", "network.spec.mtu");
    expect(text).toContain("FIELD: mtu <integer>");
    expect(text).toContain("Bytes; 0: as the host's uplink, or the parent.");
    expect(await says("explain", "port.spec.fixedIps")).toContain("subnet\t<string>");
  });

  test("applies on its own side, and sees that nothing changed", async () => {
    const file = world.file("client.yaml", document("client"));
    const lines = ["network.netloom.dev/client", "subnet.netloom.dev/client-a"];
    expect(await says("apply", "-f", file)).toStartWith(
      lines.map((line) => `${line} created\n`).join(""),
    );
    expect(await says("apply", "-f", file)).toStartWith(
      lines.map((line) => `${line} unchanged\n`).join(""),
    );
    const other = world.file("client.yaml", document("client", ", mtu: 1400"));
    expect(await says("apply", "-f", other)).toStartWith("network.netloom.dev/client configured\n");
    expect(await says("apply", "--server-side", "-f", other)).toContain(
      "network.netloom.dev/client serverside-applied\n",
    );
  });

  test("applies on the server's side, where another's field is not taken without force", async () => {
    const first = world.file("ssa.yaml", document("ssa", ", mtu: 1400"));
    await says("apply", "--server-side", "--field-manager=one", "-f", first);
    const second = world.file("ssa2.yaml", document("ssa", ", mtu: 1500"));
    const words = ["apply", "--server-side", "--field-manager=two", "-f", second];
    const refused = await kubectl(...words);
    expect(refused.stderr).toContain(
      'Apply failed with 1 conflict: conflict with "one": .spec.mtu',
    );
    await says(...words, "--force-conflicts");
    expect(await says("get", "network", "ssa", "-o", "jsonpath={.spec.mtu}")).toBe("1500");
  });

  test("waits by one watch that begins with what there is, and lists nothing", async () => {
    await declare("awaited");
    world.asked.length = 0;
    await says("wait", "--for=condition=Ready", "network/awaited", "--timeout=10s");
    const collection = /^GET \/apis\/netloom.dev\/v1alpha1\/namespaces\/default\/networks\?(.*)$/;
    const queries = world.asked.flatMap((line) => collection.exec(line)?.[1] ?? []);
    expect(queries).toHaveLength(1);
    const { watch, sendInitialEvents, allowWatchBookmarks, resourceVersionMatch } =
      Object.fromEntries(new URLSearchParams(queries[0]));
    expect([watch, sendInitialEvents, allowWatchBookmarks, resourceVersionMatch]).toEqual([
      ...["true", "true", "true", "NotOlderThan"],
    ]);
  });

  test("shows objects in every form", async () => {
    await declare("shown");
    await says("wait", "--for=condition=Ready", "network/shown", "--timeout=10s");
    const [head, row] = cells(await says("get", "network", "shown", "-o", "wide"));
    expect(head).toEqual(["NAME", "TYPE", "SUBNETS", "PORTS", "READY", "PARENT", "AGE"]);
    expect(row?.slice(0, 6)).toEqual(["shown", "bridge", "shown-a", "1", "True", "<none>"]);
    expect(await says("get", "net,po", "-l", "tier=web", "-o", "name")).toContain(
      "network.netloom.dev/shown\n",
    );
    expect(await says("get", "network", "shown", "-o", "yaml")).toContain("kind: Network\n");
    const selected = await says(
      "get",
      "ports",
      "--field-selector=spec.network=shown",
      "-o",
      "name",
    );
    expect(selected).toBe("port.netloom.dev/shown-web\n");
    expect(await says("get", "ports", "-A", "--chunk-size=1", "-o", "name")).toContain("shown-web");
    expect(await says("describe", "network", "shown")).toContain("Subnets:\n    shown-a\n");
  });

  test("watches, and hears of what changes and goes", async () => {
    await says("create", "namespace", "watched");
    const words = ["get", "networks", "-n", "watched", "-w", "-o", "name"];
    const watching = Bun.spawn(world.words(...words), {
      env: world.environment,
      stdout: "pipe",
      stderr: "ignore",
    });
    const reader = watching.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const file = world.file("watched.yaml", document("seen").split("---")[0]!);
    await says("apply", "-n", "watched", "-f", file);
    let seen = "";
    while (!seen.includes("network.netloom.dev/seen\n")) seen += (await reader.read()).value;
    watching.kill();
    await watching.exited;
    await says("delete", "namespace", "watched", "--timeout=20s");
    expect((await kubectl("get", "namespace", "watched")).stderr).toBe(
      'Error from server (NotFound): namespaces "watched" not found\n',
    );
  });

  test("tells what would differ", async () => {
    await declare("differs");
    const other = world.file("other.yaml", document("differs", ", mtu: 1400"));
    const { status, stdout } = await kubectl("diff", "-f", other);
    expect(status).toBe(1);
    expect(stdout).toContain("-  mtu: 0\n+  mtu: 1400\n");
    expect((await kubectl("diff", "-f", `${world.folder}/differs.yaml`)).stdout).toBe("");
  });

  test("patches, edits and labels", async () => {
    await declare("edited");
    await says("patch", "network", "edited", "--type=merge", "-p", '{"spec":{"mtu":1400}}');
    const operation = '[{"op":"replace","path":"/spec/mtu","value":1300}]';
    await says("patch", "network", "edited", "--type=json", "-p", operation);
    const env = { ...world.environment, KUBE_EDITOR: "sed -i s/1300/1200/" };
    const editing = Bun.spawn(world.words("edit", "network", "edited"), {
      env,
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await editing.stdout.text()).toBe("network.netloom.dev/edited edited\n");
    await says("label", "network", "edited", "a=b");
    const path = "jsonpath={.spec.mtu} {.metadata.labels.a} {.metadata.generation}";
    expect(await says("get", "network", "edited", "-o", path)).toBe("1200 b 4");
  });

  test("applies and labels namespaces, which it knows itself", async () => {
    const of = (team: string) =>
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {team: ${team}}}\n`;
    const file = world.file("namespace.yaml", of("a"));
    expect(await says("apply", "-f", file)).toBe("namespace/team created\n");
    world.file("namespace.yaml", of("b"));
    expect(await says("apply", "-f", file)).toBe("namespace/team configured\n");
    await says("label", "namespace", "team", "more=c");
    await says("annotate", "namespace", "team", "note=d");
    const path = "jsonpath={.metadata.labels.team} {.metadata.labels.more}";
    expect(await says("get", "namespace", "team", "-o", path)).toBe("b c");
  });

  test("deletes a network with what stands on it where it is told so, and not otherwise", async () => {
    await declare("gone");
    const { status, stderr } = await kubectl("delete", "network", "gone");
    expect(status).toBe(1);
    expect(stderr).toStartWith(
      'Error from server (Conflict): Operation cannot be fulfilled on networks.netloom.dev "gone": ',
    );
    expect(stderr).toContain('port "default/gone-web"');
    await says("delete", "network", "gone", "--cascade=foreground", "--timeout=20s");
    expect(await says("get", "ports", "--field-selector=spec.network=gone", "-o", "name")).toBe("");
  });

  test("tells who it is and what it may do", async () => {
    expect(await says("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")).toBe("root");
    expect(await says("auth", "can-i", "create", "networks")).toBe("yes\n");
    expect(await says("auth", "can-i", "--list")).toContain("networks.netloom.dev");
  });
});

describe("kubectl reads as from Kubernetes", () => {
  test("that an object is not there", async () => {
    expect((await kubectl("get", "network", "nothing")).stderr).toBe(
      'Error from server (NotFound): networks.netloom.dev "nothing" not found\n',
    );
  });

  test("that there is one already", async () => {
    const file = await declare("twice");
    expect((await kubectl("create", "-f", file)).stderr).toStartWith(
      'Error from server (AlreadyExists): error when creating "',
    );
  });

  test("that an object is invalid, with the fields", async () => {
    const file = world.file("bad.yaml", document("bad", ", mtu: -1, vlan: 5"));
    const { stderr } = await kubectl("apply", "-f", file);
    expect(stderr).toContain('Network.netloom.dev "bad" is invalid: ');
    expect(stderr).toContain("spec.mtu: Invalid value: -1: must be between 0 and 65535");
    const typed = world.file("typed.yaml", document("typed", ", mut: 5"));
    expect((await kubectl("apply", "-f", typed)).stderr).toContain('unknown field "spec.mut"');
  });

  test("that another was quicker", async () => {
    await declare("raced");
    const old = await says("get", "network", "raced", "-o", "json");
    await says("label", "network", "raced", "a=b");
    const file = world.file("old.json", old.replace('"tier": "web"', '"tier": "old"'));
    expect((await kubectl("replace", "-f", file)).stderr).toContain(
      'Operation cannot be fulfilled on networks.netloom.dev "raced": the object has been modified; ' +
        "please apply your changes to the latest version and try again",
    );
  });
});
