/** Kernel settings that decide whether containers' packets pass. */
import { listRecords } from "../engine/record.ts";
import { readSysctl } from "../kernel/sysctl/sysctl.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { type Finding, fault, fine, note, warning } from "./finding.ts";
import { type Host, textOf } from "./host.ts";

export function sysctls(host: Host): Finding[] {
  const objects = listRecords(host.paths).flatMap((record) => record.objects);
  return [
    ...["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"].map((path) =>
      forwarding(host, path, objects),
    ),
    ...["iptables", "ip6tables"].map((table) => bridgeFilter(host, table)),
    tracking(host),
  ].filter((finding) => finding !== undefined);
}

const dotted = (path: string) => path.replaceAll("/", ".");

/** The value in the host's namespace. */
const hostValue = ({ session }: Host, path: string) =>
  readSysctl(session.namespace(hostNetns).path, path);

function forwarding(
  host: Host,
  path: string,
  objects: readonly KernelObject[],
): Finding | undefined {
  const value = hostValue(host, path);
  if (value === undefined) return undefined;
  if (value !== "0") return fine(`${dotted(path)} is ${value}: the host forwards`);
  const isNeeded = objects.some((object) => object.kind === "sysctl" && object.path === path);
  if (!isNeeded) return fine(`${dotted(path)} is 0: no container needs it yet`);
  return fault(
    `${dotted(path)} is 0, but attached containers need it: something switched it off`,
    `sysctl -w ${dotted(path)}=1`,
  );
}

function bridgeFilter(host: Host, table: string): Finding | undefined {
  const path = `net/bridge/bridge-nf-call-${table}`;
  const value = hostValue(host, path);
  if (value === undefined) return undefined;
  if (value === "0") return fine(`${dotted(path)} is 0: bridged packets meet no IP firewall`);
  return note(
    `${dotted(path)} is ${value}: packets between containers of one bridge meet the host's ` +
      "firewall rules for forwarded packets",
    `where that is not wanted: sysctl -w ${dotted(path)}=0`,
  );
}

/** A full table drops new connections of everybody. */
function tracking(host: Host): Finding | undefined {
  const number = (name: string) => textOf(host, `/proc/sys/net/netfilter/nf_conntrack_${name}`);
  const [count, max] = [number("count"), number("max")].map(Number);
  if (!Number.isFinite(count) || !Number.isFinite(max) || max === 0) return undefined;
  const said = `Connection tracking holds ${count} of ${max} connections`;
  if (count! < 0.8 * max!) return fine(said);
  return warning(
    `${said}: when it is full, new ones are dropped`,
    `sysctl -w net.netfilter.nf_conntrack_max=${2 * max!}`,
  );
}
