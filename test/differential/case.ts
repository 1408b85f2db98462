/** What a differential case is: one configuration, and how it is called. */
import type { NetworkList } from "../support/cni-call.ts";
import type { Feature } from "../support/kernel-features.ts";
import type { TestHostOptions } from "../support/test-host.ts";

type Keys = Readonly<Record<string, unknown>>;

export interface Case {
  /** What is configured, in words; unique. */
  readonly name: string;
  /** `$DATA` stands for the host's host-local directory, `$DIR` for its own directory. */
  readonly list: NetworkList;
  /** What our side runs instead: one plugin that does the whole chain's work. */
  readonly ourList?: NetworkList;
  /** The reference refuses the ADD of the last container. Absent: it takes all. */
  readonly refused?: true;
  /** How many containers are added, one after the other; 1 by default. */
  readonly containers?: number;
  /** Packets are tried too, from and to everywhere. */
  readonly traffic?: true;
  /** A shell script that runs in the first container before packets are tried. */
  readonly beforeTraffic?: string;
  /** Only on a kernel that lacks this. */
  readonly lacks?: Feature;
  /** What the kernel must have. */
  readonly needs?: readonly Feature[];
  /** A shell script that runs in each container before its ADD. */
  readonly inContainer?: string;
  /** The result of a plugin before the list's first. */
  readonly prevResult?: Keys;
  readonly ifName?: string;
  readonly cniArgs?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly host?: TestHostOptions;
  /** Files made in `$DIR` beforehand. */
  readonly files?: Readonly<Record<string, string>>;
  /** Plugins that are the reference's on our side too. */
  readonly foreign?: readonly string[];
  /** DEL of all plugins but the first is looked at by itself: the container's link is there. */
  readonly stepwise?: true;
  /** DEL without CNI_NETNS, after the container's namespace has gone. */
  readonly vanished?: true;
}

export const versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** A list named "net", at 1.1.0 unless told. */
export function list(plugins: Keys | readonly Keys[], top: Keys = {}): NetworkList {
  const chain = Array.isArray(plugins) ? plugins : [plugins];
  return { cniVersion: "1.1.0", name: "net", plugins: chain, ...top } as NetworkList;
}

export const subnet4 = "10.5.0.0/24";
export const subnet6 = "fd05::/64";

/** A host-local section with one set of one range for each subnet. */
export function hostLocal(subnets: readonly string[] = [subnet4], more: Keys = {}): Keys {
  const ranges = subnets.map((subnet) => [{ subnet }]);
  return { type: "host-local", dataDir: "$DATA", ranges, ...more };
}

export function bridge(more: Keys = {}): Keys {
  return { type: "bridge", bridge: "br0", ipam: hostLocal(), ...more };
}

export function ptp(more: Keys = {}): Keys {
  return { type: "ptp", ipam: hostLocal(), ...more };
}

/** Both families' default routes. */
export const defaultRoutes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

/** A bridge as most people have it: dual stack, gateway, default route, masquerade. */
export function usualBridge(more: Keys = {}): Keys {
  const ipam = hostLocal([subnet4, subnet6], { routes: defaultRoutes });
  return bridge({ isGateway: true, ipMasq: true, hairpinMode: true, ipam, ...more });
}

/** A portmap section with the mappings as a runtime gives them. */
export function portmap(mappings: readonly Keys[], more: Keys = {}): Keys {
  const runtimeConfig = { portMappings: mappings };
  return { type: "portmap", capabilities: { portMappings: true }, runtimeConfig, ...more };
}
