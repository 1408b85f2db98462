/** The reference's dhcp daemon and plugins 1.9.1 and ours, before one server, come out alike. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ourDir, referenceDir } from "../support/reference.ts";
import { DhcpStage, macvlan, prefix, type ServerOptions, until } from "./stage.ts";

interface Case {
  readonly name: string;
  readonly ipam?: object;
  readonly more?: object;
  readonly server?: Partial<ServerOptions>;
  readonly cniArgs?: string;
  /** Neither gives an address. */
  readonly refused?: true;
}

const hex = (...octets: number[]) => Buffer.from(octets).toString("hex");
const router = { 3: hex(10, 66, 0, 1) };
const classless = hex(0, 10, 66, 0, 5, 24, 198, 51, 100, 10, 66, 0, 6);
const onLink = hex(0, 10, 66, 0, 5, 24, 192, 0, 2, 0, 0, 0, 0);

const cases: readonly Case[] = [
  { name: "as it comes" },
  { name: "at 0.3.1", more: { cniVersion: "0.3.1" } },
  { name: "at 0.4.0, on a bridge", more: { cniVersion: "0.4.0", type: "bridge", bridge: "br0" } },
  { name: "an IPv4 server without a router", server: { options: {} } },
  { name: "another mask", server: { mask: "255.255.0.0" } },
  { name: "a hostname", ipam: { provide: [{ option: "host-name", value: "web" }] } },
  {
    name: "a hostname of CNI_ARGS",
    ipam: { provide: [{ option: "12", value: "web", fromArg: "NAME" }] },
    cniArgs: "IgnoreUnknown=1;NAME=other",
  },
  {
    name: "classes of vendor and user",
    ipam: {
      provide: [
        { option: "vendor-class-identifier", value: "acme" },
        { option: "user-class", value: "lab" },
      ],
    },
  },
  {
    name: "a client identifier of one's own",
    ipam: { provide: [{ option: "dhcp-client-identifier", value: "me" }] },
  },
  {
    name: "routes of old",
    ipam: { request: [{ option: "33" }] },
    server: { options: { ...router, 33: hex(172, 16, 0, 0, 10, 66, 0, 4) } },
  },
  {
    name: "classless routes, which stand for the router's",
    ipam: { request: [{ option: "121" }] },
    server: { options: { ...router, 121: classless } },
  },
  {
    name: "a classless route on the link",
    ipam: { request: [{ option: "121" }] },
    server: { options: { ...router, 121: onLink } },
  },
  {
    name: "nothing but the mask",
    ipam: { request: [{ skipDefault: true, option: "subnet-mask" }] },
    server: { options: {} },
  },
  { name: "more that is asked for", ipam: { request: [{ option: "42" }, { option: "routers" }] } },
  { name: "an endless lease", server: { lease: 0xffffffff } },
  {
    name: "an option that there is none",
    ipam: { request: [{ option: "colour" }] },
    refused: true,
  },
  { name: "an option beyond a byte", ipam: { provide: [{ option: "300" }] }, refused: true },
];

/** One side: its plugins and its daemon, on a LAN of its own. */
class Side {
  readonly #plugins: string;
  readonly #stage: DhcpStage;
  readonly #serverNetns: string;
  readonly #socket: string;

  private constructor(plugins: string, stage: DhcpStage, serverNetns: string) {
    this.#plugins = plugins;
    this.#stage = stage;
    this.#serverNetns = serverNetns;
    this.#socket = join(stage.host.dir, "both.sock");
  }

  static async create(plugins: string): Promise<Side> {
    const stage = await DhcpStage.create();
    const side = new Side(plugins, stage, await stage.addOther(`${prefix}.1/24`));
    const options = ["-socketpath", side.#socket, "-resendtimeout", "20s", "-timeout", "3s"];
    stage.run([join(plugins, "dhcp"), "daemon", ...options], stage.host.netns, stage.env);
    await until("the daemon", () => existsSync(side.#socket));
    return side;
  }

  get #isOurs(): boolean {
    return this.#plugins === ourDir();
  }

  remove(): Promise<void> {
    return this.#stage.host.remove();
  }

  async observe({ ipam, more, server: options, cniArgs }: Case) {
    const { host } = this.#stage;
    const pool = [`${prefix}.50`];
    const usual = { server: `${prefix}.1`, pool, options: router };
    const server = await this.#stage.server(this.#serverNetns, { ...usual, ...options });
    const container = await host.addContainer();
    const config = macvlan({ ...ipam, daemonSocketPath: this.#socket }, more);
    const { type } = config;
    if (type === "bridge") {
      await host.shell(
        "ip link add br0 type bridge; ip link set br0 up; ip link set uplink master br0",
      );
    }
    const call = { plugins: this.#plugins, containerId: "c1", cniArgs };
    const add = await this.#stage.call("ADD", container, config, call);
    const look =
      "ip -4 -br addr show eth0 | sed 's/@[^ ]*//'; ip route | sed 's/ proto [^ ]*//; s/ *$//' | sort";
    const inside = add.ok
      ? await host.shell(look, container)
      : await host.shell("ip -o link", container);
    const prevResult = { ...config, ...(add.ok && { prevResult: add.json }) };
    const check =
      config.cniVersion > "0.3.1" && add.ok
        ? (await this.#stage.call("CHECK", container, prevResult, call)).ok
        : undefined;
    const del = await this.#stage.call("DEL", container, prevResult, call);
    const isReleased = () => server.events.at(-1)?.type === "RELEASE";
    // The reference's leaves from 0.0.0.0 for one address, and no kernel takes that.
    if (add.ok && this.#isOurs) await until("the release", isReleased);
    const said = server.events.filter(({ type }) => type);
    const { 55: requested = "", 57: _, ...provided } = said[0]?.options ?? {};
    if (type === "bridge") await host.shell("ip link set uplink nomaster; ip link del br0");
    await server.end();
    const { ips, routes, ip4, dns } = add.json ?? {};
    return {
      requested: Buffer.from(requested, "hex"),
      dns,
      alike: {
        added: add.ok,
        addresses:
          ip4 ??
          (add.ok ? ips.map(({ address, gateway }: any) => ({ address, gateway })) : undefined),
        routes: routes ?? [],
        inside: add.ok ? inside : "",
        check,
        deleted: del.ok,
        provided,
        said: said
          .map(({ type }) => type)
          .filter((type, i, all) => type !== "RELEASE" && type !== all[i - 1]),
      },
    };
  }
}

let reference: Side;
let ours: Side;
beforeAll(async () => {
  reference = await Side.create(referenceDir("1.9.1"));
  ours = await Side.create(ourDir());
}, 60_000);
afterAll(async () => {
  await reference?.remove();
  await ours?.remove();
});

describe("alike with the reference", () => {
  for (const item of cases) {
    test(item.name, async () => {
      const [theirs, own] = await Promise.all([reference.observe(item), ours.observe(item)]);
      expect(theirs.alike.added).toBe(item.refused !== true);
      // The reference's CHECK doesn't know its own route without a router again.
      const check = theirs.alike.check === false ? { check: true } : {};
      expect(own.alike).toEqual({ ...theirs.alike, ...check });
      // On purpose: what is asked for beyond the reference is what reaches the result.
      for (const code of theirs.requested) expect(own.requested).toContain(code);
    }, 90_000);
  }
});
