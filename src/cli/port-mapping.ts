/** Reads `-p`: ports of the host that lead to ports of the container. */
import { ipToBytes } from "../lib/ip.ts";
import { UsageError } from "./options.ts";

/** One entry of CNI's capability `portMappings`. */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIP?: string;
}

const form = "[HOSTIP:]HOSTPORT[-END]:PORT[-END][/tcp|udp|sctp]";

/** Reads `8080:80`, `127.0.0.1:53:53/udp`, `[::1]:443:443`, `80-89:90-99`. Throws UsageError. */
export function parsePortMapping(text: string): PortMapping[] {
  const wrong = (why: string) => new UsageError(`Port mapping "${text}" ${why}: write ${form}`);
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?([0-9-]+):([0-9-]+)(?:\/(\w+))?$/.exec(text);
  if (!match) throw wrong("can't be read");
  const [, address, hostPorts = "", containerPorts = "", protocol = "tcp"] = match;
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    throw wrong(`has the unknown protocol "${protocol}"`);
  }
  const host = portRange(hostPorts);
  const container = portRange(containerPorts);
  if (!host || !container) throw wrong("has a port outside 1 to 65535, or a range that ends early");
  if (host.length !== container.length) {
    throw wrong(`leads ${host.length} ports to ${container.length}`);
  }
  const hostIP = address?.replace(/^\[|\]$/g, "");
  if (hostIP !== undefined && !isAddress(hostIP)) throw wrong(`has no address in "${address}"`);
  return Array.from({ length: host.length }, (_, i) => ({
    hostPort: host.first + i,
    containerPort: container.first + i,
    protocol,
    ...(hostIP !== undefined && { hostIP }),
  }));
}

function portRange(text: string): { first: number; length: number } | undefined {
  const [from, to = from, ...rest] = text.split("-");
  const first = Number(from);
  const last = Number(to);
  const valid = from !== "" && to !== "" && rest.length === 0;
  return valid && first >= 1 && last >= first && last <= 65535
    ? { first, length: last - first + 1 }
    : undefined;
}

function isAddress(text: string): boolean {
  try {
    ipToBytes(text);
    return true;
  } catch {
    return false;
  }
}
