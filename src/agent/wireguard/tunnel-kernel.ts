/** Makes the host's tunnel what it should be: guard, link, routes, peers. The thin edge. */
import { addAddress, listAddresses, removeAddress } from "../../kernel/netlink/address.ts";
import { changeLink, createLink, deleteLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo } from "../../kernel/netlink/link-info.ts";
import { addRoute, type NewRoute, removeRoute } from "../../kernel/netlink/route.ts";
import { listRoutes, type RouteInfo } from "../../kernel/netlink/route-info.ts";
import { addressFamily, mainTable, netloomProtocol } from "../../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { WireguardLinks } from "../../kernel/netlink/wireguard-links.ts";
import { KernelNft } from "../../kernel/nft/kernel-nft.ts";
import { readSysctl } from "../../kernel/sysctl/sysctl.ts";
import { parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import type { NftTableSpec } from "../../model/nft.ts";
import { routeMetric } from "../../model/route-metric.ts";
import type { WireguardConfig, WireguardPeer, WireguardState } from "../../model/wireguard.ts";
import { planWireguard } from "../../plan/wireguard.ts";
import { prepareWay } from "../way-link.ts";
import { tunnelLink, tunnelPrefix } from "./tunnel-address.ts";
import { tunnelGuard } from "./tunnel-guard.ts";

export interface Tunnel {
  /** The host's own in it, without prefix length. */
  readonly address: string;
  /** Bytes. */
  readonly mtu: number;
  readonly config: WireguardConfig;
}

/** Routes without a link of their own have `lo`. */
const loopback = 1;

export class TunnelKernel implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #nft: KernelNft;
  readonly #guard: NftTableSpec;
  /** On the link if it is ours. */
  readonly #alias: string;
  readonly #netns: string;
  #links: WireguardLinks | undefined;

  /** `instance`: the agent's. Throws SysError, NetnsError. */
  constructor(instance: string, netns: string = hostNetns) {
    this.#socket = new NetlinkSocket("route", netns);
    this.#nft = new KernelNft(netns);
    this.#guard = tunnelGuard(instance);
    this.#alias = `netloom:${instance}:tunnel`;
    this.#netns = netns;
  }

  [Symbol.dispose](): void {
    this.#links?.[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  /**
   * What keeps packets from leaving by another way, whether there is a tunnel or not. Gives what
   * was missing. Throws NftError, NetlinkError.
   */
  hold(): string[] {
    const done: string[] = [];
    if (this.#nft.ensure([this.#guard])) done.push("guard");
    if (this.#route({ type: "blackhole", priority: routeMetric.tunnelHeld }))
      done.push("blackhole");
    return done;
  }

  /**
   * `isWhole`: peers and prefixes that are not asked for go. Gives what was changed, in words; none
   * where all was so. After `hold`. Throws MissingModuleError, NetlinkError, SysctlError,
   * TunnelTakenError.
   */
  bring(tunnel: Tunnel, isWhole: boolean): string[] {
    const { address, mtu, config } = tunnel;
    const done: string[] = [];
    this.#links ??= new WireguardLinks(this.#netns);
    const before = this.#own();
    const link = before ?? this.#create(mtu);
    if (!before) done.push("link");
    else if (before.mtu !== mtu) {
      this.#socket.run([changeLink({ index: link.index }, { mtu })]);
      done.push("mtu");
    }
    const observed = this.#links.read(tunnelLink);
    const wanted = observed && !isWhole ? withKnown(config, observed) : config;
    const change = observed && planWireguard(wanted, observed);
    if (change) {
      this.#links.change(tunnelLink, change);
      done.push(change.peers.length > 0 ? "peers" : "settings");
    }
    if (this.#address(link.index, address)) done.push("address");
    if (!link.up) {
      this.#socket.run([changeLink({ index: link.index }, { up: true })]);
      if (before) done.push("state");
    }
    if (this.#route({ oif: link.index, priority: routeMetric.tunnel })) done.push("route");
    return done;
  }

  /** Takes all of it away. Gives whether there was something. Throws NetlinkError. */
  remove(): boolean {
    const link = getLink(this.#socket, { name: tunnelLink });
    if (link && link.alias !== this.#alias) return false;
    const ours = { type: "blackhole", protocol: netloomProtocol, table: mainTable } as const;
    const routes = listRoutes(this.#socket, { ...ours, family: addressFamily.inet6 });
    const isOurs = ({ dst, priority }: RouteInfo) =>
      dst === tunnelPrefix && priority === routeMetric.tunnelHeld;
    const isGuarded = this.#nft.present([this.#guard])[0];
    if (!link && !isGuarded && !routes.some(isOurs)) return false;
    const route = { ...ours, dst: tunnelPrefix, priority: routeMetric.tunnelHeld, oif: loopback };
    const unblock = removeRoute(route);
    this.#socket.run([...(link ? [deleteLink({ index: link.index })] : []), unblock]);
    const { family, name } = this.#guard;
    this.#nft.change([{ op: "delete-table", family, name }]);
    return true;
  }

  /** Ours, or none. Throws TunnelTakenError where it is another's. */
  #own(): LinkInfo | undefined {
    const link = getLink(this.#socket, { name: tunnelLink });
    if (!link) return undefined;
    if (link.kind === "wireguard" && link.alias === this.#alias) return link;
    throw new TunnelTakenError();
  }

  /** Down still. */
  #create(mtu: number): LinkInfo {
    const name = tunnelLink;
    this.#socket.run([
      createLink({ kind: "wireguard", name, mtu }),
      changeLink({ name }, { alias: this.#alias }),
    ]);
    prepareWay(this.#netns, name);
    return getLink(this.#socket, { name })!;
  }

  /** Gives whether there was none. */
  #route(route: Pick<NewRoute, "type" | "oif" | "priority">): boolean {
    const [outcome] = this.#socket.batch([addRoute({ dst: tunnelPrefix, ...route })]);
    const { error } = outcome!;
    if (!error) return true;
    if (error.code === "EEXIST") return false;
    if (readSysctl(this.#netns, "net/ipv6/conf/all/disable_ipv6") !== undefined) throw error;
    const why = "addresses in it are IPv6's, which this kernel lacks (ipv6.disable=1)";
    throw new Error(`Cannot make link "${tunnelLink}": ${why}: boot it with IPv6`, {
      cause: error,
    });
  }

  /** One that it had under another name of the host goes. */
  #address(index: number, address: string): boolean {
    const own = `${address}/128`;
    const all = listAddresses(this.#socket, { index }).map(({ address }) => address);
    const prefix = parsePrefix(tunnelPrefix);
    const others = all.filter(
      (each) => each !== own && containsIp(prefix, parseIp(each.slice(0, each.indexOf("/")))),
    );
    const requests = others.map((each) => removeAddress({ index, address: each }));
    if (!all.includes(own)) requests.push(addAddress({ index, address: own, dad: false }));
    this.#socket.run(requests);
    return requests.length > 0;
  }
}

/** A link of the tunnel's name is there that this agent did not make. */
export class TunnelTakenError extends Error {
  override readonly name = "TunnelTakenError";

  constructor() {
    super(
      `Cannot make link "${tunnelLink}": there is another's of that name. Remove it (ip link del ` +
        `${tunnelLink}), or stop the other agent in this network namespace`,
    );
  }
}

/** With the peers, and their prefixes, that there are. */
function withKnown(config: WireguardConfig, { peers: observed }: WireguardState): WireguardConfig {
  const wanted = new Map(config.peers.map((peer) => [peer.publicKey, peer]));
  const more = observed.map((peer): WireguardPeer => {
    const { allowedIps = [], ...own } = wanted.get(peer.publicKey) ?? peer;
    wanted.delete(peer.publicKey);
    return { ...own, allowedIps: [...new Set([...allowedIps, ...peer.allowedIps])] };
  });
  // First come first served: what is asked for goes before what is there.
  const asked = config.peers.map((peer) => more.find((each) => isOne(each, peer)) ?? peer);
  return { ...config, peers: [...asked, ...more.filter((each) => !asked.includes(each))] };
}

const isOne = (a: WireguardPeer, b: WireguardPeer): boolean => a.publicKey === b.publicKey;
