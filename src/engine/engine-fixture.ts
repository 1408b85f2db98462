/** For tests: a host and containers that are fresh namespaces, with an engine on them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver } from "../drivers/driver.ts";
import { ScratchNetns } from "../kernel/netns/scratch.ts";
import type { Attachment, PortRoute } from "../model/port.ts";
import { type Attached, type AttachRequest, attach } from "./attach.ts";
import { type CheckRequest, checkAttachment } from "./check.ts";
import { type DetachRequest, detachFrom } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { KernelSession } from "./kernel-session.ts";
import { instancePaths, type Paths } from "./paths.ts";
import { type AttachmentRecord, listRecords } from "./record.ts";

/** What to attach, as a plugin would ask for it. */
export interface Wish {
  readonly driver: Driver<any>;
  /** As the user writes it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** With prefix lengths. */
  readonly ips: readonly string[];
  readonly gateways?: readonly string[];
  readonly routes?: readonly PortRoute[];
  readonly network?: string;
  readonly mac?: string;
  readonly extras?: AttachRequest["extras"];
}

/** One container on the fixture's host. */
export interface Box {
  readonly netns: ScratchNetns;
  readonly id: Attachment;
}

export class EngineFixture implements Disposable {
  /** The namespace that plays the host. */
  readonly host: ScratchNetns;
  readonly boxes: Box[] = [];
  readonly #dir: string;
  /** Whose calls these are; undefined: in-process plugins'. */
  instance: string | undefined;

  constructor(label: string) {
    this.host = new ScratchNetns(label);
    this.#dir = mkdtempSync(join(tmpdir(), "netloom-engine-"));
    this.host.run("ip", "link", "set", "lo", "up");
  }

  [Symbol.dispose](): void {
    for (const { netns } of this.boxes) netns[Symbol.dispose]();
    this.host[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  get paths(): Paths {
    const paths: Paths = { stateDir: `${this.#dir}/state`, runDir: `${this.#dir}/run` };
    return this.instance === undefined ? paths : instancePaths(this.instance, paths);
  }

  /** Gives the host a link "lan" that is joined to "far": a parent, and what is outside. */
  addParent(): void {
    this.host.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "far");
    for (const name of ["lan", "far"]) this.host.run("ip", "link", "set", name, "up");
  }

  /** Has the calls in `work` be those of an instance. */
  async as<T>(instance: string | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.instance;
    this.instance = instance;
    try {
      return await work();
    } finally {
      this.instance = before;
    }
  }

  /** A container without networks. */
  box(): Box {
    const netns = new ScratchNetns("box");
    // Duplicate address detection starts at once, not within a random second.
    netns.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitation_delay");
    const box = { netns, id: { containerId: `c${this.boxes.length + 1}`, ifName: "eth0" } };
    this.boxes.push(box);
    return box;
  }

  /** Opens an engine as a new process does, and closes it after `work`. */
  async engine<T>(work: (engine: Engine) => T | Promise<T>): Promise<T> {
    using session = new KernelSession(this.host.path, this.paths);
    return await work({ session, paths: this.paths });
  }

  attach(box: Box, wish: Wish): Promise<Attached> {
    return this.engine((engine) => attach(engine, this.request(box, wish)));
  }

  /** What an engine is asked for, with addresses that are known. */
  request(box: Box, wish: Wish) {
    const { driver, config, ips, gateways = [], routes = [], mac, extras } = wish;
    return {
      ...box.id,
      network: wish.network ?? "blue",
      netns: box.netns.path,
      maker: driver.networkType,
      driver,
      config: driver.parse(config),
      allocation: { ips: ips.map((address, i) => ({ address, gateway: gateways[i] })), routes },
      ...(mac === undefined ? {} : { mac }),
      ...(extras === undefined ? {} : { extras }),
    };
  }

  detach(box: Box, wish: Wish, more: Partial<DetachRequest> = {}): Promise<void> {
    const network = wish.network ?? "blue";
    const request = { ...box.id, network, maker: wish.driver.networkType };
    return this.engine((engine) =>
      detachFrom(engine, { ...request, netns: box.netns.path, ...more }),
    );
  }

  /** Throws CheckError. */
  check(box: Box, wish: Wish, attached: Attached): Promise<void> {
    const netns = box.netns.path;
    const maker = wish.driver.networkType;
    const result = resultOf(attached);
    return this.engine((engine) => checkAttachment(engine, { ...box.id, maker, netns, result }));
  }

  records(): AttachmentRecord[] {
    return listRecords(this.paths);
  }

  /** Files below the state directory, with their text. */
  files(): Record<string, string> {
    return filesBelow(this.paths.stateDir);
  }

  /** Everything in the kernel and on disk that a call may change, as the field's tools tell it. */
  state(): Record<string, unknown> {
    const spaces = [this.host, ...this.boxes.map(({ netns }) => netns)];
    return { files: this.files(), kernel: spaces.map(kernelState) };
  }
}

/** The attachment as CNI's result has it. */
export function resultOf({ links, port }: Attached): CheckRequest["result"] {
  const interfaces = links.map(({ netns, name, mac }) => ({
    name,
    mac,
    ...(netns === "host" ? {} : { sandbox: netns }),
  }));
  const ips = port.ips.map((ip) => ({ ...ip, interface: links.length - 1 }));
  return { interfaces, ips, routes: port.routes };
}

/** Links, addresses, routes, neighbours, nftables and the sysctls that we set. */
export function kernelState(netns: ScratchNetns): Record<string, unknown> {
  const links = netns.json("ip", "-d", "-j", "addr").map(settledLink);
  return {
    links: links.sort((a, b) => (a.ifname < b.ifname ? -1 : 1)),
    routes: ["-4", "-6"].flatMap((family) =>
      netns
        .json("ip", family, "-j", "route", "show", "table", "all")
        .filter(isOurs)
        // "linkdown" comes and goes in the kernel's own time.
        .map((route) => ({ ...route, flags: undefined })),
    ),
    nft: netns.run("nft", "list", "ruleset"),
    sysctls: netns.run("sh", "-c", `cat ${globalSysctls.map((p) => `/proc/sys/${p}`).join(" ")}`),
  };
}

const globalSysctls = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/** The kernel itself makes and moves these, in its own time. */
function isOurs({ dst = "", type = "" }: { dst?: string; type?: string }): boolean {
  return !dst.startsWith("fe80:") && !dst.startsWith("ff00:") && type !== "anycast";
}

/** Without counters, timers and what the kernel settles in its own time. */
function settledLink(link: any) {
  const { ifname, address, mtu, master, ifalias, flags, promiscuity, linkinfo, addr_info } = link;
  const { info_kind, info_slave_data } = linkinfo ?? {};
  const { hairpin, isolated } = info_slave_data ?? {};
  return {
    ...{ ifname, address, mtu, master, ifalias, promiscuity, kind: info_kind, hairpin, isolated },
    up: flags.includes("UP"),
    addresses: addr_info
      .filter(({ scope }: { scope: string }) => scope !== "link")
      .map(({ local, prefixlen }: { local: string; prefixlen: number }) => `${local}/${prefixlen}`),
  };
}

function filesBelow(dir: string): Record<string, string> {
  const names = readNames(dir);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), "utf8")]));
}

function readNames(dir: string): string[] {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
      .sort();
  } catch {
    return [];
  }
}
