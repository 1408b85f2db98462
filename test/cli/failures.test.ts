/** How failures are told: the exit status, and words that say what to do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await World.withLab();
});
afterAll(() => world.host.remove());

const network = (metadata: string, spec: string) =>
  `{apiVersion: netloom.dev/v1alpha1, kind: Network, metadata: {${metadata}}, spec: {${spec}}}`;

describe("a failure", () => {
  test.each([
    ["gte networks", 2, '"gte" is no command: do you mean "netloom get"?'],
    ["get netwrok", 2, '"netwrok" is no kind of objects: do you mean "network"?'],
    ["get networks --namspace=a", 2, 'do you mean "--namespace"?'],
    ["get networks -o jsn", 2, '"jsn" is no output format: do you mean "json"?'],
    ["port attch a b", 2, 'do you mean "netloom port attach"?'],
    ["explain network.spec.mut", 2, 'do you mean "mtu"?'],
    ["apply", 2, "Name a file: -f FILE"],
    ["apply -f x --dry-run=client", 2, 'Option --dry-run is "server" or "none", not "client"'],
    ["delete networks", 2, "Say which networks: names, -l LABELS, or --all"],
    ["get network nope", 3, 'networks.netloom.dev "nope" not found'],
    ["create network lab type=bridge", 4, 'networks.netloom.dev "lab" already exists'],
    ["create network x type=bridg", 7, 'spec.type: Unsupported value: "bridg"'],
    ["create subnet x network=lab cidr=10.1.0.1/24", 7, "spec.cidr"],
    ["wait port idle --timeout=100ms", 8, "nobody has attached it yet"],
    ["wait network lab --for=condition=Never --timeout=100ms", 8, "nobody has told of condition"],
    ["get networks -s unix:/nowhere/api.sock", 6, "there is no such socket"],
    ["get networks -s https://127.0.0.1:1", 6, "nobody listens"],
    ["get networks --context nope", 2, "make one with netloom context set"],
    ["create network b --type bridge", 2, '"--type": do you mean "type=bridge"?'],
    ["create network b --vlan=7", 2, '"--vlan=7": do you mean "vlan=7"?'],
    ["create network b --bogus 7", 2, 'Unknown option "--bogus": see --help'],
    ["completion tcsh", 2, '"tcsh" is no shell'],
  ])("%s: status %d", async (words, status, text) => {
    const done = await world.netloom(words);
    expect(done).toMatchObject({ status, stdout: "" });
    expect(done.stderr).toStartWith("netloom: ");
    expect(done.stderr).toContain(text);
    expect(done.stderr).not.toContain("    at ");
  });

  test("of one object does not stop the others, and all are told with their places", async () => {
    const stdin = [
      network("name: a", "type: bridge"),
      network("name: b", "type: bogus"),
      network("name: c", "type: bridge, colour: blue"),
      network("name: d", "type: bridge"),
    ].join("\n---\n");
    const { status, stdout, stderr } = await world.netloom("apply -f -", { stdin });
    expect(status).toBe(7);
    expect(stdout).toBe("network.netloom.dev/a created\nnetwork.netloom.dev/d created\n");
    expect(stderr).toMatch(
      /spec\.type: Unsupported value: "bogus".*\(standard input, document 2\)/,
    );
    expect(stderr).toMatch(/unknown field "spec.colour".*\(standard input, document 3\)/);
    await world.must("delete networks a d");
  });

  test("of another manager's field names it, and force takes the field over", async () => {
    const stdin = network("name: owned", "type: bridge, mtu: 1400");
    await world.must("apply -f - --field-manager=other", { stdin });
    const changed = { stdin: stdin.replace("1400", "1300") };
    const refused = await world.netloom("apply -f -", changed);
    expect(refused.status).toBe(4);
    expect(refused.stderr).toContain('"other"');
    expect(await world.must("apply -f - --force-conflicts", changed)).toContain("configured");
    await world.must("delete network owned");
  });
});

test("help is asked for in every way, and is no failure", async () => {
  const general = await world.must("help");
  expect(await world.must("--help")).toBe(general);
  expect(await world.must("-h")).toBe(general);
  const get = await world.must("help get");
  expect(get).toStartWith("Prints objects as a table");
  expect(await world.must("get --help")).toBe(get);
  expect(await world.must("get networks -h")).toBe(get);
  expect(await world.must("help sandbox")).toBe(await world.must("sandbox --help"));
  expect(await world.must("help port attach")).toBe(await world.must("port attach --help"));
  expect(await world.must("version")).toBe(await world.must("--version"));
});

test("contexts are set, used, and ask their servers in turn", async () => {
  const server = `unix:/nowhere/a.sock,unix:${world.env.NETLOOM_RUN_DIR}/api.sock`;
  const env = { NETLOOM_RUN_DIR: "/nowhere" };
  await world.must(`context set lab --server ${server} -n default`, { env });
  await world.must("context set other --server https://127.0.0.1:1", { env });
  expect(await world.must("context list", { env })).toMatch(/\n\* +lab +unix.*\n +other +https/);
  expect(await world.must("get networks -o name", { env })).toBe("network.netloom.dev/lab\n");
  expect((await world.netloom("get networks --context other", { env })).status).toBe(6);
  await world.must("context use other", { env });
  expect((await world.netloom("get networks", { env })).status).toBe(6);
  await world.must("context remove other", { env });
  await world.must("context remove lab", { env });
});

test("words are completed, names of objects too", async () => {
  const complete = async (...words: string[]) =>
    (await world.netloom(["__complete", "--", ...words])).stdout.trim().split("\n");
  expect(await complete("de")).toEqual(["delete", "describe"]);
  expect(await complete("port", "")).toEqual(["attach", "detach"]);
  expect(await complete("get", "netw")).toEqual(["network", "networks"]);
  expect(await complete("get", "network", "")).toEqual(["lab"]);
  expect(await complete("get", "network/")).toEqual(["network/lab"]);
  expect(await complete("get", "networks", "-n", "")).toEqual(["default"]);
  expect(await complete("get", "--name")).toEqual(["--namespace"]);
  expect(await complete("apply", "-f", "")).toEqual([":files"]);
  expect(await complete("delete", "--cascade=")).toEqual([
    "--cascade=foreground",
    "--cascade=background",
  ]);
  expect(await complete("doctor", "--pr")).toEqual(["--probe"]);
});

test("bash completes by the printed script", async () => {
  const script = `set -e
PATH=$1:$PATH
source <(netloom completion bash)
COMP_WORDS=(netloom get network l) COMP_CWORD=3
_netloom
echo "\${COMPREPLY[@]}"
COMP_WORDS=(netloom get -o js) COMP_CWORD=3
_netloom
echo "\${COMPREPLY[@]}"`;
  const { run } = await import("../support/run.ts");
  const dist = new URL("../../dist", import.meta.url).pathname;
  const options = { netns: world.host.netns, env: world.env };
  const done = await run(["bash", "-c", script, "bash", dist], options);
  expect(done).toEqual({ status: 0, stdout: "lab\njson jsonpath=\n", stderr: "" });
});
