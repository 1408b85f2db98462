/** The second act: networks are declared, `netloom up` makes and keeps them. */
import { closeSync, existsSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { differences, type Snapshot, snapshot } from "../leftovers.ts";
import { executable } from "./attach.ts";
import { fileRows } from "./listing.ts";
import { preparePodman, removeContainer, startContainer } from "./podman.ts";
import { ping, run } from "./programs.ts";
import { command, DemoError, heading, rows, step } from "./report.ts";
import { pages } from "./stage.ts";

const root = join(import.meta.dir, "../..");
const file = "examples/two-tier.yaml";
const log = "/run/netloom-up.log";

/**
 * What `netloom up` keeps by intent: its objects, who it is, what it heard last, its locks. It
 * forgets nothing that was declared when it starts again.
 */
const kept = [
  /^file \/var\/lib\/netloom\/(store\.db\S*|audit\.log|agent\.lock)$/,
  /^file \/var\/lib\/netloom\/instances\/node\/(identity|spec\/\S+|blocks\/forgotten)$/,
  /^file \/run\/netloom\/((agent|api)\.(json|lock)|control-plane\.json|lock)$/,
];

/** Forwarding stays on, as after the first act. */
const meant = /: sysctl /;

/** Plays it. Throws DemoError where a step fails or something else than `kept` is left. */
export async function declared(): Promise<void> {
  heading("Declared networks: write what should be, and the host follows");
  const before = snapshot(pages);
  const up = await start();
  await command(`netloom apply -f ${file}`, () => netloom("apply", "-f", file));
  const wait = ["wait", "networks", "--all", "--for=condition=Ready"];
  await command(`netloom ${wait.join(" ")}`, () => netloom(...wait));
  await command("netloom get networks,subnets", () => netloom("get", "networks,subnets"));

  heading("Attach by the network's name");
  const front = await sandbox("front");
  const cart = await sandbox("cart");
  await step("podman's network list", () => preparePodman("web"));
  let api: string[] = [];
  await command("podman run --detach --name api --network web …", async () => {
    api = await startContainer("api", "web");
    return `has ${api.join(" and ")}`;
  });
  await step("front pings cart, IPv4", () => ping("front", cart.addresses[0]!));
  await step("cart pings front, IPv6", () => ping("cart", front.addresses[1]!));
  await step("front pings podman's api", () => ping("front", api[0]!));
  await command("netloom get ports", () => netloom("get", "ports"));

  heading("Keep it so: somebody deletes a link by hand");
  await repair(cart.addresses[0]!);
  await step("front pings cart again", () => ping("front", cart.addresses[0]!));

  heading("Remove");
  await step("front and cart end", async () => {
    for (const { child } of [front, cart]) child.kill("SIGTERM");
    await Promise.all([front.child.exited, cart.child.exited]);
    return "their namespaces, links, addresses: gone";
  });
  await command("podman rm --force api", async () => {
    await removeContainer("api");
    return "its link and addresses: gone";
  });
  await command(`netloom delete -f ${file}`, () => netloom("delete", "-f", file));
  await step("bridges and rules", gone);
  await step("netloom up ends", async () => {
    up.kill("SIGTERM");
    const status = await up.exited;
    if (status !== 0) throw new DemoError(`"netloom up" ended with ${status}: see ${log}`);
    return "SIGTERM, exit 0";
  });
  account(before);
}

/** Starts `netloom up`, with the plugin where runtimes look for it. */
async function start(): Promise<Bun.Subprocess> {
  mkdirSync("/opt/cni/bin", { recursive: true });
  if (!existsSync("/opt/cni/bin/netloom")) symlinkSync(executable, "/opt/cni/bin/netloom");
  const output = openSync(log, "a");
  const up = Bun.spawn([executable, "up"], { stdio: ["ignore", output, output] });
  closeSync(output);
  await command("netloom up &", async () => {
    await until('"netloom up" does not serve', () => existsSync("/run/netloom/agent.sock"));
    return "serves at /run/netloom/api.sock and agent.sock";
  });
  return up;
}

interface Sandbox {
  readonly child: Bun.Subprocess;
  /** The IPv4 address, then the IPv6 address. */
  readonly addresses: readonly string[];
}

/** Runs a command in a namespace of its own on the network, and waits until it is there. */
async function sandbox(name: string): Promise<Sandbox> {
  const words = ["sandbox", "run", "--name", name, "--network", "web", "--", "sleep", "1000"];
  const child = Bun.spawn([executable, ...words], { stdio: ["ignore", "ignore", "ignore"] });
  let addresses: string[] = [];
  await command(`netloom ${words.join(" ")} &`, async () => {
    await until(`sandbox "${name}" is not attached`, async () => {
      if (!existsSync(`/run/netns/${name}`)) return false;
      addresses = await addressesOf(name);
      return addresses.length === 2;
    });
    return `has ${addresses.join(" and ")}`;
  });
  return { child, addresses };
}

interface Link {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly scope: string }[];
}

async function addressesOf(netns: string): Promise<string[]> {
  const links: Link[] = JSON.parse(await run(["ip", "-j", "address"], { netns }));
  const eth0 = links.find(({ ifname }) => ifname === "eth0");
  const global = (eth0?.addr_info ?? []).filter(({ scope }) => scope === "global");
  return global.map(({ local }) => local);
}

/** Deletes the host's end of the link to `cart`, and says when the link is back. */
async function repair(address: string): Promise<void> {
  const [eth0] = JSON.parse(await run(["ip", "-j", "link", "show", "eth0"], { netns: "cart" }));
  const links: { ifindex: number; ifname: string }[] = JSON.parse(
    await run(["ip", "-j", "link", "show"]),
  );
  const name = links.find(({ ifindex }) => ifindex === eth0.link_index)?.ifname;
  if (name === undefined) throw new DemoError('no link of the host leads to "cart"');
  await command(`ip link delete ${name}`, async () => {
    await run(["ip", "link", "delete", name]);
    const deleted = performance.now();
    await until(`link "${name}" did not come back`, async () => {
      return (await addressesOf("cart")).includes(address);
    });
    return `back in ${Math.round(performance.now() - deleted)} ms, with its address`;
  });
}

/** Waits until the host holds no bridge and no table of ours. */
async function gone(): Promise<string> {
  await until("a bridge or table of Netloom's stays", async () => {
    const left = (await run(["ip", "-br", "link"])) + (await run(["nft", "list", "tables"]));
    return !/^nlb-|netloom_/m.test(left);
  });
  return "gone with the networks";
}

/** Shows what stays by intent. Throws DemoError at anything else. */
function account(before: Snapshot): void {
  const made = [
    /^file \/opt\/cni\/bin\/netloom$/,
    /^file \/etc\/cni\/net\.d\/(web\.conflist|cni\.lock)$/,
  ];
  const found = differences(before, snapshot(pages)).filter((line) => !meant.test(line));
  const matches = (line: string, patterns: readonly RegExp[]) =>
    patterns.some((pattern) => pattern.test(line.replace(/^left: /, "")));
  const left = found.filter((line) => !matches(line, [...kept, ...made]));
  if (left.length > 0) throw new DemoError(`not everything was removed:\n  ${left.join("\n  ")}`);
  heading("What stays: the store and the audit log, for the next netloom up");
  rows(fileRows(["/var/lib/netloom", "/run/netloom"]));
}

function netloom(...words: string[]): Promise<string> {
  return run([executable, ...words], { cwd: root }).then((said) => said.trimEnd());
}

/** Looks again and again, for ten seconds at most. Throws DemoError with `failure`. */
async function until(failure: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new DemoError(failure);
    await Bun.sleep(5);
  }
}
