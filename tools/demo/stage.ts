/** Where the demo plays: a host with an uplink, empty containers, web pages. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./programs.ts";
import { DemoError } from "./report.ts";

/** For the web servers: on the private host this is memory, and gone with it. */
export const pages = "/opt/cni/pages";

/** Documentation addresses: the uplink leads to a made-up outside, never to a real network. */
export const host = "198.51.100.1";
export const outside = "198.51.100.2";

/** Asks the kernel for what the job needs, so that what it lacks has a name. */
export async function needed(): Promise<string> {
  const wanted: [feature: string, script: string][] = [
    ["bridges", "ip link add nlprobe type bridge && ip link del nlprobe"],
    ["veth", "ip link add nlprobe type veth peer nlprobe2 && ip link del nlprobe"],
    ["nftables", "nft add table inet nlprobe && nft delete table inet nlprobe"],
    [
      "NAT",
      "nft 'add table inet nlprobe; add chain inet nlprobe c { type nat hook postrouting priority 0; }; add rule inet nlprobe c masquerade' && nft delete table inet nlprobe",
    ],
  ];
  for (const [feature, script] of wanted) {
    await run(["sh", "-c", script]).catch((error: Error) => {
      throw new DemoError(`this kernel has no ${feature}. ${error.message}`);
    });
  }
  return `has ${wanted.map(([feature]) => feature).join(", ")}`;
}

/** Covers /run with an empty one: podman and others keep their state there, and it goes with us. */
export async function ownRun(): Promise<void> {
  const script = "mount -t tmpfs -o mode=0755 netloom-demo /run && mkdir /run/netns /run/lock";
  await run(["sh", "-ec", script]);
}

/** The host's way out: a veth pair to a namespace that plays the world. */
export async function uplink(): Promise<string> {
  await run([
    "sh",
    "-ec",
    `ip netns add outside
    ip link add uplink type veth peer eth0 netns outside
    ip addr add ${host}/24 dev uplink
    ip link set uplink up
    ip -n outside addr add ${outside}/24 dev eth0
    ip -n outside link set lo up
    ip -n outside link set eth0 up
    ip route add default via ${outside}`,
  ]);
  return `${host}, leads to ${outside}`;
}

/** Namespaces as a runtime makes them before it calls CNI: nothing but a loopback link. */
export async function emptyContainers(names: readonly string[]): Promise<string> {
  for (const name of names) {
    await run(["sh", "-c", `ip netns add ${name} && ip -n ${name} link set lo up`]);
  }
  return `empty namespaces ${names.map((name) => `"${name}"`).join(" and ")}`;
}

/** A folder for a web server that greets whoever asks, by the address that it sees. */
export function pageFolder(name: string): string {
  const folder = join(pages, name);
  const page = join(folder, "cgi-bin/page");
  mkdirSync(join(folder, "cgi-bin"), { recursive: true });
  const greeting = `Hello \${REMOTE_ADDR#*ffff:}, this is ${name}`;
  writeFileSync(
    page,
    `#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\ntext="${greeting}"\nprintf '%s\\n' "$text" | tr -d '[]'\n`,
  );
  chmodSync(page, 0o755);
  return folder;
}
