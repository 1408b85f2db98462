/** Which features the kernel has, by trying each in a namespace that is thrown away. */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { skeleton } from "../drivers/skeleton.ts";
import { addFilter } from "../kernel/netlink/filter.ts";
import { createLink, deleteLink, type NewLink } from "../kernel/netlink/link.ts";
import { requireLink } from "../kernel/netlink/link-info.ts";
import { addQdisc } from "../kernel/netlink/qdisc.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { createNetns, removeNetns } from "../kernel/netns/netns.ts";
import { KernelNft } from "../kernel/nft/kernel-nft.ts";
import { type Finding, fault, fine, note } from "./finding.ts";
import type { Host } from "./host.ts";

/** A namespace with a link that others can have as their parent. */
interface Trial {
  readonly path: string;
  readonly socket: NetlinkSocket;
  readonly parent: number;
}

interface Feature {
  readonly name: string;
  /** What there is none of without it. */
  readonly serves: string;
  /** Everything depends on it. */
  readonly vital?: true;
  /** Module that brings it, where it is one. */
  readonly module: string;
  /** Throws where the kernel has it not. */
  readonly attempt: (trial: Trial) => void;
}

const link =
  (kind: string, settings: object = {}) =>
  ({ socket, parent }: Trial) => {
    const own = { kind, name: "trial", [kind]: settings };
    const onParent = ["macvlan", "ipvlan", "vlan"].includes(kind) ? { link: parent } : {};
    socket.run([createLink({ ...own, ...onParent } as unknown as NewLink)]);
    socket.run([deleteLink({ name: "trial" })]);
  };

const file = (path: string) => () => {
  if (!existsSync(path)) throw new Error(`${path} does not exist`);
};

const features: readonly Feature[] = [
  {
    name: "veth pairs",
    serves: "bridge or ptp networks",
    vital: true,
    module: "veth",
    attempt: () => {}, // The trial itself stands on one.
  },
  {
    name: "bridges",
    serves: "bridge networks",
    vital: true,
    module: "bridge",
    attempt: link("bridge"),
  },
  {
    name: "nftables (inet, bridge, NAT, connection tracking)",
    serves: "masquerading, published ports or guards",
    vital: true,
    module: "nf_tables",
    attempt({ path }) {
      using nft = new KernelNft(path);
      nft.ensure(skeleton);
    },
  },
  {
    name: "bridges that filter VLANs",
    serves: `ports of bridges with "vlan" or "vlanTrunk"`,
    module: "bridge",
    attempt: link("bridge", { vlanFiltering: true }),
  },
  { name: "macvlan", serves: "macvlan networks", module: "macvlan", attempt: link("macvlan") },
  { name: "ipvlan", serves: "ipvlan networks", module: "ipvlan", attempt: link("ipvlan") },
  {
    name: "802.1Q VLANs",
    serves: `vlan networks, nor "vlan" beside a parent`,
    module: "8021q",
    attempt: link("vlan", { id: 100 }),
  },
  {
    name: "VXLAN",
    serves: "overlay networks, or routed ones by VXLAN",
    module: "vxlan",
    attempt: link("vxlan", { id: 1, port: 4789 }),
  },
  {
    name: "WireGuard",
    serves: "encrypted networks between hosts",
    module: "wireguard",
    attempt: link("wireguard"),
  },
  { name: "dummy links", serves: "dummy networks", module: "dummy", attempt: link("dummy") },
  {
    name: "VRF",
    serves: "containers in a VRF",
    module: "vrf",
    attempt: link("vrf", { table: 10 }),
  },
  { name: "ifb", serves: "limits of what containers send", module: "ifb", attempt: link("ifb") },
  {
    name: "token buckets (tbf)",
    serves: "limits of bandwidth",
    module: "sch_tbf",
    attempt: ({ socket, parent: index }) => {
      const place = { index, parent: "root", handle: "1:" };
      const tbf = { rateBytes: 1e6, burstBytes: 1e5, limitBytes: 1e5 };
      socket.run([addQdisc({ ...place, kind: "tbf", tbf })]);
    },
  },
  {
    name: "redirection of what arrives (ingress, u32, mirred)",
    serves: "limits of what containers send",
    module: "act_mirred",
    attempt: ({ socket, parent: index }) => {
      const parent = "ffff:";
      const filter = {
        index,
        parent,
        priority: 1,
        protocol: "all",
        match: "all",
        redirect: index,
      } as const;
      socket.run([
        addQdisc({ index, parent: "ingress", handle: parent, kind: "ingress" }),
        addFilter(filter),
      ]);
    },
  },
  {
    name: "tun and tap",
    serves: "tap networks",
    module: "tun",
    attempt: file("/dev/net/tun"),
  },
  {
    name: "IPv6",
    serves: "IPv6 addresses",
    module: "ipv6",
    attempt: file("/proc/sys/net/ipv6"),
  },
];

/** Tries each feature; the namespace is gone afterwards. */
export function kernelFeatures({ paths }: Host): Finding[] {
  const path = `${paths.runDir}/doctor-${process.pid}`;
  createNetns(path);
  try {
    const socket = new NetlinkSocket("route", path);
    using _closing = socket;
    const pair = { kind: "veth", name: "parent", up: true, veth: { peer: { name: "peer" } } };
    socket.run([createLink(pair as NewLink)]);
    const trial = { path, socket, parent: requireLink(socket, { name: "parent" }).index };
    return features.map((feature) => judge(feature, trial));
  } finally {
    removeNetns(path);
  }
}

function judge({ name, serves, vital, module, attempt }: Feature, trial: Trial): Finding {
  try {
    attempt(trial);
    return fine(`The kernel has ${name}`);
  } catch (error) {
    const why = (error as Error).message;
    const what = `The kernel lacks ${name}, so there are no ${serves}: ${why}`;
    return (vital ? fault : note)(what, remedy(module));
  }
}

function remedy(module: string): string {
  const list = `/lib/modules/${release()}/modules.dep`;
  const isPackaged = existsSync(list) && readFileSync(list, "utf8").includes(`/${module}.ko`);
  return isPackaged
    ? `modprobe ${module}`
    : `boot a kernel that has it (Debian's linux-image-${process.arch === "arm64" ? "arm64" : "amd64"} does)`;
}
