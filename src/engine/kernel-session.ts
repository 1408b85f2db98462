/** One piece of work's access to the kernel: open namespaces, sockets, and what is on its way. */
import { skeletonOf } from "../drivers/instance-tables.ts";
import { getLink, type LinkInfo, listLinks, requireLink } from "../kernel/netlink/link-info.ts";
import type { Request } from "../kernel/netlink/message.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { inNetnsFd, NetnsError, openNetns } from "../kernel/netns/netns.ts";
import type { KernelNft } from "../kernel/nft/kernel-nft.ts";
import { closeSync } from "../kernel/sys/files.ts";
import { netnsCookie } from "../kernel/sys/netns-cookie.ts";
import { hostNetns, type KernelObject, underlayNetns } from "../model/kernel-object.ts";
import type { NftTableSpec } from "../model/nft.ts";
import { hostLinkPrefix } from "./names.ts";
import { inProcess, type Paths, pathsFromEnv } from "./paths.ts";
import type { Residence } from "./residence.ts";

/** No file, or one that a namespace was mounted on. */
const isGone: ReadonlySet<string> = new Set(["ENOENT", "EINVAL"]);

/** A namespace that is open, with its one rtnetlink socket. */
export class Namespace implements Disposable {
  readonly path: string;
  /** Undefined for the host's own. */
  readonly fd: number | undefined;
  readonly socket: NetlinkSocket;
  readonly #links = new Map<string, LinkInfo | undefined>();
  /** Since all links were looked up. */
  #forgotten: Set<string> | undefined;

  constructor(path: string) {
    this.path = path;
    this.fd = path === hostNetns ? undefined : openNetns(path);
    try {
      this.socket = this.inside(() => new NetlinkSocket("route"));
    } catch (error) {
      if (this.fd !== undefined) closeSync(this.fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    if (this.fd !== undefined) closeSync(this.fd);
  }

  /** Runs synchronous work inside the namespace. */
  inside<T>(work: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.fd === undefined ? (work() as T) : inNetnsFd(this.fd, work, this.path);
  }

  /** The link, or undefined if there is none; looked up once, until `forget`. */
  findLink(name: string): LinkInfo | undefined {
    if (!this.#links.has(name)) {
      const isKnownToLack = this.#forgotten?.has(name) === false;
      this.#links.set(name, isKnownToLack ? undefined : getLink(this.socket, { name }));
    }
    return this.#links.get(name);
  }

  /** Looks up all links at once, for who will ask for many. */
  findAllLinks(): void {
    this.#links.clear();
    for (const link of listLinks(this.socket)) this.#links.set(link.name, link);
    this.#forgotten = new Set();
  }

  /** What was known of a link no longer holds. */
  forget(name: string): void {
    this.#links.delete(name);
    this.#forgotten?.add(name);
  }

  /** What tells it from all others of this boot; undefined before Linux 5.14. */
  get cookie(): string | undefined {
    return netnsCookie(this.socket.fd);
  }
}

/** Everything that one attach, detach or check holds open. */
export class KernelSession implements Disposable {
  readonly #host: string;
  readonly #underlay: string;
  readonly #namespaces = new Map<string, Namespace>();
  #nft: KernelNft | undefined;
  #skeleton: readonly NftTableSpec[] | undefined;
  #pending: { namespace: Namespace; requests: Request[] } | undefined;

  /** Where what the kernel can't hold is kept. */
  readonly paths: Paths;
  /** Of a resident process. */
  residence: Residence | undefined;
  #uplinks: typeof import("./kinds/uplink.ts") | undefined;
  #vrfPorts: typeof import("./kinds/vrf-port.ts") | undefined;
  #devices: typeof import("./kinds/device.ts") | undefined;
  #traffic: typeof import("./kinds/traffic.ts") | undefined;
  #foreignAccepts: typeof import("./kinds/foreign-accept.ts") | undefined;
  #rules: typeof import("./kinds/rule.ts") | undefined;
  #guards: typeof import("./kinds/link-guard.ts") | undefined;

  /** `host` counts as the host's namespace, `underlay` as that: by default the process's own. */
  constructor(
    host: string = hostNetns,
    paths: Paths = pathsFromEnv(process.env),
    underlay: string = hostNetns,
  ) {
    this.#host = host;
    this.#underlay = underlay;
    this.paths = paths;
  }

  [Symbol.dispose](): void {
    for (const namespace of this.#namespaces.values()) namespace[Symbol.dispose]();
    if (!this.residence) this.#nft?.[Symbol.dispose]();
  }

  /** Our static tables, as this instance has them. */
  get skeleton(): readonly NftTableSpec[] {
    this.#skeleton ??= skeletonOf(this.paths.instance ?? inProcess, hostLinkPrefix(this.paths));
    return this.#skeleton;
  }

  /** nftables of the host's namespace, once `loadNft` is done. */
  get nft(): KernelNft {
    if (!this.#nft) throw new Error("nftables are used before they are loaded");
    return this.#nft;
  }

  /** Opens nftables. Their code is loaded here, for most attachments need none. */
  async loadNft(): Promise<void> {
    if (this.#nft) return;
    const { KernelNft } = await import("../kernel/nft/kernel-nft.ts");
    const open = () => new KernelNft(this.#host);
    this.#nft ??= this.residence ? this.residence.nft(open) : open();
  }

  /** The code of kind `uplink`, once `loadKinds` is done. */
  get uplinks(): typeof import("./kinds/uplink.ts") {
    if (!this.#uplinks) throw new Error("uplinks are used before their code is loaded");
    return this.#uplinks;
  }

  /** The code of kind `link-guard`, once `loadKinds` is done. */
  get guards(): typeof import("./kinds/link-guard.ts") {
    if (!this.#guards) throw new Error("guards are used before their code is loaded");
    return this.#guards;
  }

  /** The code of kind `vrf-port`, once `loadKinds` is done. */
  get vrfPorts(): typeof import("./kinds/vrf-port.ts") {
    if (!this.#vrfPorts) throw new Error("VRFs are used before their code is loaded");
    return this.#vrfPorts;
  }

  /** The code of kind `device`, once `loadKinds` is done. */
  get devices(): typeof import("./kinds/device.ts") {
    if (!this.#devices) throw new Error("devices are used before their code is loaded");
    return this.#devices;
  }

  /** The code of kind `rule`, once `loadKinds` is done. */
  get rules(): typeof import("./kinds/rule.ts") {
    if (!this.#rules) throw new Error("rules are used before their code is loaded");
    return this.#rules;
  }

  /** The code of kinds `qdisc` and `filter`, once `loadKinds` is done. */
  get traffic(): typeof import("./kinds/traffic.ts") {
    if (!this.#traffic) throw new Error("traffic control is used before its code is loaded");
    return this.#traffic;
  }

  /** The code of kind `foreign-accept`, once `loadKinds` is done. */
  get foreignAccepts(): typeof import("./kinds/foreign-accept.ts") {
    if (!this.#foreignAccepts)
      throw new Error("foreign chains are used before their code is loaded");
    return this.#foreignAccepts;
  }

  /** Loads the code of those kinds among `objects` that few attachments need. */
  async loadKinds(objects: readonly KernelObject[]): Promise<void> {
    if (objects.some(({ kind }) => kind === "qdisc" || kind === "filter")) {
      this.#traffic ??= await import("./kinds/traffic.ts");
    }
    if (objects.some(({ kind }) => kind === "foreign-accept")) {
      this.#foreignAccepts ??= await import("./kinds/foreign-accept.ts");
    }
    if (objects.some(({ kind }) => kind === "uplink")) {
      this.#uplinks ??= await import("./kinds/uplink.ts");
    }
    if (objects.some(({ kind }) => kind === "vrf-port")) {
      this.#vrfPorts ??= await import("./kinds/vrf-port.ts");
    }
    if (objects.some(({ kind }) => kind === "device")) {
      this.#devices ??= await import("./kinds/device.ts");
    }
    if (objects.some(({ kind }) => kind === "rule")) {
      this.#rules ??= await import("./kinds/rule.ts");
    }
    if (objects.some(({ kind }) => kind === "link-guard")) {
      this.#guards ??= await import("./kinds/link-guard.ts");
    }
  }

  namespace(path: string): Namespace {
    let found = this.#namespaces.get(path);
    if (!found) {
      found = new Namespace(this.#placeOf(path));
      this.#namespaces.set(path, found);
    }
    return found;
  }

  /** The path of what goes by a name. */
  #placeOf(path: string): string {
    if (path === hostNetns) return this.#host;
    return path === underlayNetns ? this.#underlay : path;
  }

  /** A session on the same host that has seen nothing yet; another instance's with its paths. */
  renew(paths = this.paths): KernelSession {
    const session = new KernelSession(this.#host, paths, this.#underlay);
    session.residence = this.residence;
    return session;
  }

  /** For an attachment's record: agents come back to it, plugins don't and are in a hurry. */
  identity(netns: string): { readonly netnsCookie?: string } {
    const cookie = this.paths.instance === undefined ? undefined : this.namespace(netns).cookie;
    return cookie === undefined ? {} : { netnsCookie: cookie };
  }

  /** Closes a container's namespace, which is opened again when it is asked for. */
  release(path: string): void {
    if (this.#pending?.namespace.path === path) this.flush();
    this.#namespaces.get(path)?.[Symbol.dispose]();
    this.#namespaces.delete(path);
  }

  /** Whether there is a namespace at the path. */
  isThere(path: string): boolean {
    if (this.#namespaces.has(path)) return true;
    try {
      this.namespace(path);
      return true;
    } catch (error) {
      if (error instanceof NetnsError && isGone.has(error.code)) return false;
      throw error;
    }
  }

  /** Sends with the next requests of the same namespace in one datagram, in order. */
  enqueue(netns: string, ...requests: readonly Request[]): void {
    const namespace = this.namespace(netns);
    if (this.#pending?.namespace !== namespace) this.flush();
    this.#pending ??= { namespace, requests: [] };
    this.#pending.requests.push(...requests);
  }

  /** Sends what is on its way. Throws NetlinkError. */
  flush(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.namespace.socket.run(pending.requests);
  }

  /** The link's index, once everything before has taken effect. Throws NetlinkError. */
  indexOf(netns: string, name: string): number {
    const known = this.namespace(netns).findLink(name);
    return known?.index ?? this.linkNow(netns, name).index;
  }

  /** Whether there is such a link, asked anew where none was known. */
  isLinkThere(netns: string, name: string): boolean {
    const namespace = this.namespace(netns);
    if (namespace.findLink(name)) return true;
    namespace.forget(name);
    return namespace.findLink(name) !== undefined;
  }

  /** The link as it is once everything before has taken effect. Throws NetlinkError. */
  linkNow(netns: string, name: string): LinkInfo {
    this.flush();
    const namespace = this.namespace(netns);
    namespace.forget(name);
    return namespace.findLink(name) ?? requireLink(namespace.socket, { name });
  }
}
