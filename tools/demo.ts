/** `make demo`: the main job before your eyes, on a private host that vanishes afterwards. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Attachment } from "./demo/attach.ts";
import { filesBelow, networkRows, nftRows } from "./demo/listing.ts";
import { fetchPage, ping, run, serve } from "./demo/programs.ts";
import { DemoError, failure, heading, rows, say, step, success } from "./demo/report.ts";
import { emptyContainers, host, needed, outside, pageFolder, uplink } from "./demo/stage.ts";
import { differences, snapshot } from "./leftovers.ts";
import { inPrivateHost, runInPrivateHost } from "./private-host.ts";

const root = join(import.meta.dir, "..");
const pluginDir = process.env.NETLOOM_DEMO_PLUGINS ?? join(root, "dist/cni");
const listFile = join(root, "examples/demo.conflist");
const stateDirs = ["/var/lib/cni", "/var/lib/netloom", "/run/netloom"];

/** What stays by intent: forwarding, which others may use by now, and host-local's counters. */
const meant = /: sysctl |: file \/var\/lib\/cni\/networks\/demo\/(lock|last_reserved_ip\.\d+)$/;

process.exit(await main());

async function main(): Promise<number> {
  if (process.getuid?.() !== 0) {
    failure("The demo needs root: it makes network namespaces. Run it as root, or with sudo.");
    return 1;
  }
  if (inPrivateHost()) return demo();
  if (!existsSync(join(pluginDir, "bridge"))) {
    failure(`There is no plugin "bridge" in ${pluginDir}: run "make build".`);
    return 1;
  }
  return runInPrivateHost();
}

async function demo(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "netloom-demo-"));
  const end = (signal: string) => {
    rmSync(scratch, { recursive: true, force: true });
    failure(`${signal}: stopped. All that the demo made goes with its private host.`);
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => end(signal));
  try {
    await story(scratch);
    return 0;
  } catch (error) {
    const text = error instanceof DemoError ? error.message : String((error as Error).stack);
    failure(`The demo stopped: ${text}`);
    console.log("All that it made goes with its private host; this machine is as it was.");
    return 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function story(scratch: string): Promise<void> {
  console.log("Netloom's main job: two containers on a bridge network, made through CNI.");
  console.log(
    "It runs on a private host (own network, mounts, processes): yours stay as they are.",
  );

  heading("Prepare");
  await step("this kernel", needed);
  await step("the host's uplink", uplink);
  await step("two containers", () => emptyContainers(["web", "shop"]));
  const servers: Bun.Subprocess[] = [];
  for (const name of ["web", "outside"]) servers.push(await serve(name, pageFolder(scratch, name)));
  const before = snapshot(scratch);

  heading("Attach, as a container runtime does: examples/demo.conflist");
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] as const;
  const web = new Attachment({ listFile, pluginDir, container: "web", portMappings });
  const shop = new Attachment({ listFile, pluginDir, container: "shop" });
  await step("web, with port 8080 to 80", () => web.add().then(() => web.addresses.join(" and ")));
  await step("shop", () => shop.add().then(() => shop.addresses.join(" and ")));

  heading("Use");
  await use(web.addresses, shop.addresses);

  heading("What the kernel now holds");
  rows(await networkRows(["web", "shop"]));
  console.log();
  rows(await nftRows());
  console.log();
  for (const path of filesBelow(stateDirs)) say(path);

  heading("Detach");
  for (const [name, attachment] of Object.entries({ web, shop })) {
    await step(name, async () => {
      await attachment.del();
      return "its links, addresses, rules and files";
    });
  }
  await step("netloom clean", clean);
  const left = differences(before, snapshot(scratch)).filter((line) => !meant.test(line));
  for (const server of servers) server.kill();
  if (left.length > 0) throw new DemoError(`not everything was cleaned:\n  ${left.join("\n  ")}`);
  success("Nothing is left: no link, address, rule, mount or process, and of files only");
  console.log("host-local's last_reserved_ip.* and lock, so that no address is reused at once.");
}

async function use([web4, web6]: readonly string[], [shop4]: readonly string[]): Promise<void> {
  const fetched = (netns: string | undefined) => async () =>
    `"${await fetchPage({ netns, address: host, port: 8080 })}"`;
  await step("shop pings web, IPv4", () => ping("shop", web4!));
  await step("shop pings web, IPv6", () => ping("shop", web6!));
  await step("web pings shop", () => ping("web", shop4!));
  await step("host fetches port 8080", fetched(undefined));
  await step("outside fetches port 8080", fetched("outside"));
  await step("shop fetches from outside", async () => {
    const text = await fetchPage({ netns: "shop", address: outside, port: 80 });
    if (!text.includes(host)) throw new DemoError(`outside saw another address: "${text}"`);
    return `"${text}": masqueraded`;
  });
}

async function clean(): Promise<string> {
  await run(["ip", "link", "del", "demo0"]);
  await run(["nft", "flush", "ruleset"]);
  return "removes the bridge";
}
