/** One overlay on this host: its namespace, the engine in it, and what joins it to other hosts. */
import { overlay as driver, type SegmentConfig, segmentLink } from "../../drivers/overlay.ts";
import { apply } from "../../engine/apply.ts";
import type { Engine } from "../../engine/engine.ts";
import { KernelFacts } from "../../engine/host-facts.ts";
import type { KernelSession } from "../../engine/kernel-session.ts";
import { observe } from "../../engine/observe.ts";
import { ensureNamespace, type OverlayPlace } from "../../engine/overlay-place.ts";
import { ResidentEngine } from "../../engine/resident.ts";
import {
  entryRequests,
  listEntries,
  type SegmentEntries,
  type SegmentEntry,
  type SegmentLinks,
} from "../../engine/segment-entries.ts";
import { deleteLink } from "../../kernel/netlink/link.ts";
import { removeNetns } from "../../kernel/netns/netns.ts";
import { leaveChecksums, leavesChecksums } from "../../kernel/sys/offload.ts";
import type { Log } from "../../lib/log.ts";
import { vxlanLinkName } from "../../model/encapsulation.ts";
import { hostNetns, type KernelObject } from "../../model/kernel-object.ts";
import { networkScope } from "../../model/port.ts";
import { plan } from "../../plan/plan.ts";
import { Repairs } from "../repairs.ts";
import type { Segment } from "../vxlan-guard/guard-table.ts";
import { SegmentView } from "./segment-view.ts";

const loopback = (network: string): KernelObject => ({
  ...{ netns: hostNetns, scope: networkScope(network), life: "shared" },
  ...{ kind: "link", type: "existing", name: "lo", up: true },
});

/**
 * Where br_netfilter is loaded, each namespace has its bridges' frames meet rules for packets, and
 * followed as connections: this one's are its tenants' own, and its rules are of its bridge.
 */
const unfiltered = (network: string, facts: KernelFacts): KernelObject[] =>
  ["iptables", "ip6tables", "arptables"].flatMap((of): KernelObject[] => {
    const path = `net/bridge/bridge-nf-call-${of}`;
    if (facts.sysctl(hostNetns, path) === undefined) return [];
    const shared = { netns: hostNetns, scope: networkScope(network), life: "shared" } as const;
    return [{ ...shared, kind: "sysctl", path, value: "0" }];
  });

interface Joining {
  readonly isWhole?: boolean;
  readonly changed?: ReadonlySet<string> | undefined;
}

export class Overlay {
  readonly place: OverlayPlace;
  readonly engine: ResidentEngine;
  readonly repairs: Repairs;
  /** The network, as the engine knows it, once it was joined to it. */
  network: string | undefined;
  /** Whether its packets travel by the host's tunnel, once it was joined. */
  isEncrypted: boolean | undefined;
  /** Its VXLAN link, once it was joined. */
  segment: Segment | undefined;
  /** Attaches that are under way: while there are any it stays. */
  users = 0;
  #repairing: Promise<void> | undefined;
  /** What the kernel was last brought to; undefined: that is not known. */
  #entries: Map<string, SegmentEntry> | undefined;
  /** What it is to know of other hosts. */
  readonly view = new SegmentView();

  /** Makes the namespace where there is none. Throws NetnsError. */
  constructor(place: OverlayPlace, log: Log, underlay?: string) {
    this.place = place;
    ensureNamespace(place);
    this.engine = new ResidentEngine({
      ...{ paths: place.paths, host: place.netns },
      ...(underlay !== undefined && { underlay }),
    });
    this.repairs = new Repairs(this.engine, log);
  }

  /** Begins to put back what an outside hand takes. */
  watch(): void {
    this.#repairing ??= this.repairs.follow();
  }

  /**
   * Makes bridge and VXLAN link, or brings them in line, and then what they know of other hosts.
   * `isWhole`: what is not among the entries goes. `changed`: the only keys under which they are
   * other than those before. Gives whether a link was not as it should be. Throws NetlinkError,
   * SysError.
   */
  join(
    config: SegmentConfig,
    entries: SegmentEntries,
    { isWhole = true, changed }: Joining = {},
  ): Promise<boolean> {
    this.network = config.network;
    return this.engine.run(async (engine) => {
      try {
        const isChanged = await joinLinks(engine, config);
        if (isChanged) this.#entries = undefined;
        offload(engine.session, config);
        this.#tell(engine.session, config, { entries, isWhole, changed });
        this.segment = { vni: config.vni, port: config.port };
        return isChanged;
      } catch (error) {
        this.#entries = undefined;
        throw error;
      }
    });
  }

  #tell(
    session: KernelSession,
    config: SegmentConfig,
    { entries, isWhole, changed }: Joining & { readonly entries: SegmentEntries },
  ): void {
    const links = linksOf(session, config);
    const { socket } = session.namespace(hostNetns);
    const known = this.#entries;
    if (known && isWhole && changed) {
      socket.run(entryRequests(known, entries, { links, changed }));
      for (const key of changed) {
        const entry = entries.get(key);
        if (entry) known.set(key, entry);
        else known.delete(key);
      }
      return;
    }
    const from = known ?? listEntries(socket, links);
    const to = new Map(isWhole ? entries : [...from, ...entries]);
    socket.run(entryRequests(from, to, { links }));
    // What was left for now is looked at once more.
    this.#entries = isWhole ? to : undefined;
  }

  /** Takes away what joins it to other hosts. Throws NetlinkError. */
  part({ vni }: Pick<SegmentConfig, "vni">): Promise<void> {
    this.#entries = undefined;
    this.segment = undefined;
    return this.engine.run(async ({ session }) => {
      const { socket } = session.namespace(hostNetns);
      socket.run([deleteLink({ name: vxlanLinkName(vni) })]);
    });
  }

  /** Entries are looked at in the kernel with the next `join`. */
  distrust(): void {
    this.#entries = undefined;
  }

  /** Leaves it as it is, for the next agent. */
  async close(): Promise<void> {
    this.repairs.stop();
    await this.#repairing;
    await this.engine[Symbol.asyncDispose]();
  }

  /** Takes the namespace away with all that is in it. Throws NetnsError. */
  async remove(): Promise<void> {
    await this.close();
    removeNetns(this.place.netns);
  }
}

async function joinLinks({ session, paths }: Engine, config: SegmentConfig): Promise<boolean> {
  const facts = new KernelFacts({ session, paths });
  const { bridge, network, mtu } = config;
  const desired = [
    loopback(network),
    ...unfiltered(network, facts),
    ...driver.network(driver.parse({ bridge, mtu }), network, facts),
    segmentLink(config, facts),
  ];
  const observed = observe(session, desired);
  const gone = observed.filter((object) => isAnother(object, config));
  const steps = plan(
    desired,
    observed.filter((object) => !gone.includes(object)),
  );
  if (steps.length === 0) return false;
  apply(session, [...gone.map((object) => ({ op: "delete", object }) as const), ...steps]);
  session.flush();
  return true;
}

/** No message of netlink says it, and few need it: some cards stall on wrapped packets. */
function offload(session: KernelSession, { vni, checksumOffload }: SegmentConfig): void {
  const { socket } = session.namespace(hostNetns);
  const name = vxlanLinkName(vni);
  if (leavesChecksums(socket.fd, name) === checksumOffload) return;
  leaveChecksums(socket.fd, name, checksumOffload);
}

/** The kernel changes neither a VXLAN link's identifier nor its UDP port nor its family. */
function isAnother(object: KernelObject, { vni, port, local }: SegmentConfig): boolean {
  if (object.kind !== "link" || object.name !== vxlanLinkName(vni)) return false;
  if (object.type !== "vxlan") return true;
  const { vxlan } = object;
  return vxlan.id !== vni || vxlan.port !== port || isWide(vxlan.local) !== isWide(local);
}

const isWide = (address: string): boolean => address.includes(":");

const linksOf = (session: KernelSession, { bridge, vni }: SegmentConfig): SegmentLinks => ({
  bridge: session.linkNow(hostNetns, bridge).index,
  vxlan: session.linkNow(hostNetns, vxlanLinkName(vni)).index,
});
