/** One piece of work's access to the kernel: open namespaces, sockets, and what is on its way. */
import { getLink, type LinkInfo, requireLink } from "../kernel/netlink/link-info.ts";
import type { Request } from "../kernel/netlink/message.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { inNetnsFd, openNetns } from "../kernel/netns/netns.ts";
import type { KernelNft } from "../kernel/nft/kernel-nft.ts";
import { closeSync } from "../kernel/sys/files.ts";
import { hostNetns } from "../model/kernel-object.ts";

/** A namespace that is open, with its one rtnetlink socket. */
export class Namespace implements Disposable {
  readonly path: string;
  /** Undefined for the host's own. */
  readonly fd: number | undefined;
  readonly socket: NetlinkSocket;
  readonly #links = new Map<string, LinkInfo | undefined>();

  constructor(path: string) {
    this.path = path;
    this.fd = path === hostNetns ? undefined : openNetns(path);
    this.socket = this.inside(() => new NetlinkSocket("route"));
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
    if (!this.#links.has(name)) this.#links.set(name, getLink(this.socket, { name }));
    return this.#links.get(name);
  }

  /** What was known of a link no longer holds. */
  forget(name: string): void {
    this.#links.delete(name);
  }
}

/** Everything that one attach, detach or check holds open. */
export class KernelSession implements Disposable {
  readonly #host: string;
  readonly #namespaces = new Map<string, Namespace>();
  #nft: KernelNft | undefined;
  #pending: { namespace: Namespace; requests: Request[] } | undefined;

  /** `host` is the namespace that counts as the host's: by default the process's own. */
  constructor(host: string = hostNetns) {
    this.#host = host;
  }

  [Symbol.dispose](): void {
    for (const namespace of this.#namespaces.values()) namespace[Symbol.dispose]();
    this.#nft?.[Symbol.dispose]();
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
    this.#nft ??= new KernelNft(this.#host);
  }

  namespace(path: string): Namespace {
    let found = this.#namespaces.get(path);
    if (!found) {
      found = new Namespace(path === hostNetns ? this.#host : path);
      this.#namespaces.set(path, found);
    }
    return found;
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

  /** The link as it is once everything before has taken effect. Throws NetlinkError. */
  linkNow(netns: string, name: string): LinkInfo {
    this.flush();
    const namespace = this.namespace(netns);
    namespace.forget(name);
    return namespace.findLink(name) ?? requireLink(namespace.socket, { name });
  }
}
