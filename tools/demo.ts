/** `make demo`: the main job before your eyes, on a private host that vanishes afterwards. */
import { existsSync } from "node:fs";
import { attach, check, collect, detach, executable } from "./demo/attach.ts";
import { declared } from "./demo/declared.ts";
import { fileRows, networkRows, nftRows } from "./demo/listing.ts";
import { nameCgroup, removeCgroup } from "./demo/podman.ts";
import { fetchPage, ping, serve } from "./demo/programs.ts";
import { DemoError, failure, heading, rows, step, success } from "./demo/report.ts";
import {
  emptyContainers,
  host,
  needed,
  outside,
  ownRun,
  pageFolder,
  pages,
  uplink,
} from "./demo/stage.ts";
import { differences, snapshot } from "./leftovers.ts";
import { inPrivateHost, runInPrivateHost } from "./private-host.ts";

const stateDirs = ["/var/lib/cni", "/var/lib/netloom", "/run/netloom"];

/** What stays by intent: forwarding, which others may rely on by now. */
const meant = /: sysctl /;

process.exit(await main());

async function main(): Promise<number> {
  if (process.getuid?.() !== 0) {
    failure("The demo needs root: it makes network namespaces. Run it as root, or with sudo.");
    return 1;
  }
  if (inPrivateHost()) return demo();
  if (!existsSync(executable)) {
    failure(`There is no executable ${executable}: run "make build".`);
    return 1;
  }
  nameCgroup();
  const status = await runInPrivateHost();
  await removeCgroup();
  return status;
}

async function demo(): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      failure(`${signal}: stopped. All that the demo made goes with its private host.`);
      process.exit(130);
    });
  }
  try {
    await ownRun();
    await story();
    await declared();
    success("Nothing else is left: no link, address, rule, namespace, mount or process.");
    return 0;
  } catch (error) {
    const text = error instanceof DemoError ? error.message : String((error as Error).stack);
    failure(`The demo stopped: ${text}`);
    console.log("All that it made goes with its private host; this machine is as it was.");
    return 1;
  }
}

async function story(): Promise<void> {
  console.log(
    "Netloom's two ways in: as the plugins of a container runtime, then declared networks.",
  );
  console.log(
    "It runs on a private host (own network, mounts, processes): yours stay as they are.",
  );

  heading("Plugins: two containers on a bridge network, made through CNI");

  heading("Prepare");
  await step("this kernel", needed);
  await step("the host's uplink", uplink);
  await step("two containers", () => emptyContainers(["web", "shop"]));
  const servers: Bun.Subprocess[] = [];
  for (const name of ["web", "outside"]) servers.push(await serve(name, pageFolder(name)));
  const before = snapshot(pages);

  heading("Attach: the executable calls its plugins, as a container runtime would");
  const web = await attach("web", "-p", "8080:80");
  const shop = await attach("shop");

  heading("Use");
  await use(web, shop);
  await check("web");

  heading("What the kernel now holds");
  rows(await networkRows(["web", "shop"]));
  console.log();
  rows(await nftRows());
  console.log("\n  and on disk");
  rows(fileRows(stateDirs));

  heading("Detach");
  await detach("web");
  await detach("shop");

  heading("What stays for the next container");
  const staying = differences(before, snapshot(pages)).filter((line) => line.startsWith("left: "));
  rows(staying.map((line) => [line.slice("left: ".length)]));

  heading("Collect, once the network is not wanted any more");
  await collect();
  const left = differences(before, snapshot(pages)).filter((line) => !meant.test(line));
  for (const server of servers) server.kill();
  if (left.length > 0) throw new DemoError(`not everything was cleaned:\n  ${left.join("\n  ")}`);
  success("Nothing is left: links, addresses, rules, mounts, processes and files are as before.");
  console.log("Only forwarding stays on: by now others may rely on it.");
}

async function use([web4, web6]: readonly string[], [shop4]: readonly string[]): Promise<void> {
  const fetched = (netns: string | undefined) => async () =>
    `"${await fetchPage({ netns, address: host, port: 8080 })}"`;
  await step("shop pings web, IPv4", () => ping("shop", web4!));
  await step("shop pings web, IPv6", () => ping("shop", web6!));
  await step("web pings shop", () => ping("web", shop4!));
  await step("host fetches port 8080", fetched(undefined));
  await step("outside fetches port 8080", fetched("outside"));
  await step("shop to outside, masqueraded", async () => {
    const text = await fetchPage({ netns: "shop", address: outside, port: 80 });
    if (!text.includes(host)) throw new DemoError(`outside saw another address: "${text}"`);
    return `"${text}"`;
  });
}
