/** Configured networks against the links that they stand on. */
import { KernelFacts } from "../engine/host-facts.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { type Configured, parentOf, readConfigurations } from "./configurations.ts";
import { type Finding, fault, fine, note, warning } from "./finding.ts";
import { type Host, textOf } from "./host.ts";

export function networks(host: Host): Finding[] {
  const { plugins, faults } = readConfigurations(host);
  if (plugins.length === 0 && faults.length === 0) {
    return [note(`No network is configured in ${host.confDir}`)];
  }
  const facts = new KernelFacts(host);
  const found = plugins.flatMap((one) => [...onParent(host, facts, one), ...mtu(facts, one)]);
  const names = [...new Set(plugins.map(({ network }) => network))];
  const all = `Configured networks: ${names.join(", ")}`;
  return [...faults, ...found, ...(faults.length + found.length === 0 ? [fine(all)] : [])];
}

const onLinks: ReadonlySet<string> = new Set(["macvlan", "ipvlan", "vlan", "bridge", "netloom"]);

function onParent(host: Host, facts: KernelFacts, one: Configured): Finding[] {
  const name = onLinks.has(one.type) && one.raw.linkInContainer !== true && parentOf(one);
  if (!name) return [];
  const link = facts.link({ netns: hostNetns, name });
  const where = `Network "${one.network}" (${one.file})`;
  if (!link) {
    return [fault(`${where} stands on link "${name}", which does not exist`, "ip -br link")];
  }
  const found: Finding[] = [];
  if (!link.up) {
    found.push(fault(`${where} stands on link "${name}", which is down`, `ip link set ${name} up`));
  }
  if (textOf(host, `/sys/class/net/${name}/phy80211/name`) !== undefined) {
    found.push(
      warning(
        `${where} stands on link "${name}", which is wireless: its access point drops frames of ` +
          "other hardware addresses than the card's",
        `use ipvlan in mode l3, or see for yourself: netloom doctor --probe ${name}`,
      ),
    );
  }
  return found;
}

/** A packet larger than the way out is dropped where the sender is not told. */
function mtu(facts: KernelFacts, { raw, network, file, ...one }: Configured): Finding[] {
  const bytes = typeof raw.mtu === "number" ? raw.mtu : 0;
  const parent = parentOf({ raw, network, file, ...one });
  const under = parent === undefined ? undefined : facts.link({ netns: hostNetns, name: parent });
  const limit = under?.mtu ?? facts.uplinkMtu;
  if (bytes <= limit) return [];
  const what = under ? `link "${parent}"` : "the default route's link";
  return [
    warning(
      `Network "${network}" (${file}) has an MTU of ${bytes} bytes, and ${what} one of ${limit}`,
      `set "mtu": ${limit}, or leave it out`,
    ),
  ];
}
