/** Links, nftables elements and files of ours that belong to nobody any more. */
import { listMarked } from "../engine/apply-nft.ts";
import { bootId } from "../engine/boot.ts";
import { isStray, unnamedLinks } from "../engine/clean.ts";
import { idOfAlias, sharedAlias } from "../engine/names.ts";
import { brokenRecords, listRecords } from "../engine/record.ts";
import { listLinks } from "../kernel/netlink/link-info.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { type Finding, fault, fine, note, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import { uplinks } from "./uplinks.ts";

/** What takes it away: an agent does so itself when it begins. */
const cleaning = ({ paths: { instance } }: Host) =>
  instance === undefined ? "netloom clean" : "systemctl restart netloom-up, or netloom-agent";

export function leftovers(host: Host): Finding[] {
  const found = [
    ...files(host),
    ...links(host),
    ...shared(host),
    ...tables(host),
    ...elements(host),
    ...uplinks(host),
  ];
  return found.length > 0 ? found : [fine("Nothing of Netloom is left over")];
}

function files(host: Host): Finding[] {
  const { paths } = host;
  const clean = cleaning(host);
  const broken = brokenRecords(paths).map((path) =>
    warning(`${path} is no readable record of an attachment`, clean),
  );
  const old = listRecords(paths).filter(({ boot }) => boot !== bootId()).length;
  if (old === 0) return broken;
  return [...broken, note(`${old} records are of attachments before the last reboot`, clean)];
}

function links(host: Host): Finding[] {
  const { session, paths } = host;
  const clean = cleaning(host);
  const { socket } = session.namespace(hostNetns);
  const recorded = new Set(listRecords(paths).map(({ id }) => id));
  const all = listLinks(socket);
  const masters = new Set(all.map(({ master }) => master));
  return all.flatMap(({ name, alias, index, kind }): Finding[] => {
    const id = idOfAlias(paths, alias);
    if (id !== undefined && !recorded.has(id)) {
      const what = `Link "${name}" is of an attachment that has no record`;
      return [warning(what, `ip link delete ${name}`)];
    }
    const isUnused = alias === sharedAlias(paths) && kind === "bridge" && !masters.has(index);
    return isUnused ? [note(`Bridge "${name}" has no port`, clean)] : [];
  });
}

/** Shims and sub-interfaces, which go with the last attachment that names them. */
function shared(host: Host): Finding[] {
  const { session, paths } = host;
  const live = listRecords(paths).filter(({ boot }) => boot === bootId());
  return unnamedLinks(session, live).map(({ name, kind }) =>
    warning(`Link "${name}" (${kind}) was made for attachments, and none names it`, cleaning(host)),
  );
}

function elements(host: Host): Finding[] {
  const { session, paths } = host;
  const recorded = new Set(listRecords(paths).map(({ id }) => id));
  const { length } = listMarked(session, (comment) => isStray(session, recorded, comment));
  if (length === 0) return [];
  const what =
    length === 1
      ? "1 element of our nftables sets is"
      : `${length} elements of our nftables sets are`;
  return [warning(`${what} of an attachment that has no record`, cleaning(host))];
}

/** Our tables must be whole while attachments need them. */
function tables(host: Host): Finding[] {
  const { session, paths } = host;
  const live = listRecords(paths).filter(({ boot }) => boot === bootId());
  const isNft = ({ kind }: { kind: string }) => kind.startsWith("nft-");
  const isNeeded = live.some(({ objects }) => objects.some(isNft));
  if (session.nft.intact(session.skeleton)) {
    return isNeeded ? [] : [note("Our nftables tables serve no attachment", cleaning(host))];
  }
  const present = session.nft.present(session.skeleton).some(Boolean);
  if (!isNeeded && !present) return [];
  return [
    fault(
      "Our nftables tables were removed or changed by another program: published ports, " +
        "masquerading and guards are not in force",
      paths.instance === undefined
        ? "the next ADD restores them; at once: netloom cni check LIST NETNS of any attachment"
        : "its agent restores them at once: see that it runs, and its log",
    ),
  ];
}
