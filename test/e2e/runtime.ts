/** What the exam asks of a container runtime, and what all runtimes here share. */
import { macvlanNetwork } from "../host/macvlan-network.ts";
import type { PrivateHost } from "../host/private-host.ts";

/** A published port: the host's `hostPort` leads to the container's `containerPort`. */
export interface Publication {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** How the network is made: by chained plugins, by one with an inline driver, or on the LAN. */
export type Making = "a chain of plugins" | "one plugin" | "macvlan";

export interface Runtime {
  readonly name: string;
  /** Brings it to life in a host where the plugins are in /opt/cni/bin. */
  start(host: PrivateHost, making: Making): Promise<void>;
  /** Starts a container of the image that runs `sleep`. It is attached when this returns. */
  run(container: string, ports: readonly Publication[]): Promise<void>;
  /** Runs a command in the container, and gives its standard output. Throws when it fails. */
  exec(container: string, command: readonly string[]): Promise<string>;
  /** The container's first process, as the host numbers it. */
  pid(container: string): Promise<number>;
  remove(container: string): Promise<void>;
  /** Removes what it keeps outside the host. */
  stop(): Promise<void>;
}

/** The network that both containers join. */
export const network = {
  name: "nle2e",
  bridge: "nle2e0",
  gateway4: "10.88.7.1",
  gateway6: "fd00:88:7::1",
} as const;

/** The network's list, with `portmap`'s keys in the plugin that publishes ports. */
export function conflist(making: Making, portmap: object): string {
  const main = {
    bridge: network.bridge,
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: "host-local",
      ranges: [[{ subnet: "10.88.7.0/24" }], [{ subnet: "fd00:88:7::/64" }]],
      routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
    },
  };
  const chain = [
    { type: "bridge", ...main },
    { type: "portmap", ...portmap },
  ];
  const one = [{ type: "netloom", driver: "bridge", ...main, ...portmap }];
  const lists = {
    "a chain of plugins": chain,
    "one plugin": one,
    macvlan: macvlanNetwork(network.name).plugins,
  };
  const plugins = lists[making];
  return JSON.stringify({ cniVersion: "1.0.0", name: network.name, plugins });
}

/** Makes an image's root file system, as a tar at `file` in the host: busybox alone. */
export async function makeImage(host: PrivateHost, file: string): Promise<void> {
  await host.run(["sh", "-ec", makeTar, "sh", file]);
}

const makeTar = `tree=$1.tree
for dir in bin etc proc sys dev tmp run; do mkdir -p $tree/$dir; done
cp "$(command -v busybox)" $tree/bin/busybox
for name in sh sleep ping nc cat ip; do ln -s busybox $tree/bin/$name; done
tar -C $tree -cf $1 .
rm -r $tree`;
