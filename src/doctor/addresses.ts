/** Reserved addresses against those who should hold them. */
import { existsSync } from "node:fs";
import { bootId } from "../engine/boot.ts";
import { ReservationDirectory } from "../engine/host-local/reservation-directory.ts";
import { listRecords } from "../engine/record.ts";
import { formatIp } from "../lib/ip.ts";
import { readConfigurations } from "./configurations.ts";
import { type Finding, fine, warning } from "./finding.ts";
import { type Host, namesIn } from "./host.ts";

const defaultDataDir = "/var/lib/cni/networks";

export function addresses(host: Host): Finding[] {
  const known = knownContainers(host);
  const found = dataDirs(host).flatMap((dir) =>
    namesIn(host, dir).flatMap((network) => stale(host, `${dir}/${network}`, known)),
  );
  return [...found, ...gone(host), ...(found.length > 0 ? [] : [fine(allKnown)])];
}

const allKnown = "Every reserved address belongs to a container that is known";

function dataDirs(host: Host): string[] {
  const configured = readConfigurations(host).plugins.flatMap(({ raw }) => {
    const ipam = raw.ipam as { readonly dataDir?: unknown } | undefined;
    return typeof ipam?.dataDir === "string" ? ipam.dataDir : [];
  });
  return [...new Set([defaultDataDir, ...configured])];
}

/** Container IDs of our records, and the file names of the runtime's cache. */
interface Known {
  readonly ids: ReadonlySet<string>;
  readonly cached: readonly string[];
}

function knownContainers(host: Host): Known {
  const ids = new Set(listRecords(host.paths).map(({ containerId }) => containerId));
  return { ids, cached: namesIn(host, `${host.cacheDir}/results`) };
}

function stale(host: Host, path: string, { ids, cached }: Known): Finding[] {
  const directory = new ReservationDirectory(host.file(path));
  const unknown = directory.reservations().filter(({ owner }) => {
    const id = owner?.containerId;
    return id === undefined || !(ids.has(id) || cached.some((name) => name.includes(id)));
  });
  return unknown.map(({ ip, owner }) => {
    const file = `${path}/${formatIp(ip)}`;
    if (!owner)
      return warning(`${file} keeps ${formatIp(ip)} taken and names no holder`, `rm ${file}`);
    return warning(
      `${formatIp(ip)} is reserved for container "${owner.containerId}", which neither Netloom ` +
        "nor the runtime's cache knows",
      `if that container is gone: rm ${file}`,
    );
  });
}

/** Attachments whose namespace has gone without a DEL. */
function gone({ paths }: Host): Finding[] {
  const left = listRecords(paths).filter(
    ({ boot, netns }) => boot === bootId() && !existsSync(netns),
  );
  return left.map(({ containerId, ifName, network, netns }) =>
    warning(
      `Container "${containerId}" is attached to "${network}" as ${ifName}, but its namespace ` +
        `${netns} is gone: its runtime has not sent DEL`,
      "let the runtime remove the container, or have it collect (GC): netloom cni gc --help",
    ),
  );
}
