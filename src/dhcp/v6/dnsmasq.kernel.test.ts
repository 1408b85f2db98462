/**
 * The DHCPv6 client against a real dnsmasq whose leases last two minutes: packets and answers are
 * real, only the client's clock is turned, so that T1, T2 and the lease's end come at once.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import type { DhcpOption } from "../../model/dhcp.ts";
import type { ClientLink } from "../protocol.ts";
import { onPacket, onTimer, release, resume, start } from "./machine.ts";
import { parseV6State, type V6State, type V6Step } from "./state.ts";
import { V6Transport } from "./transport.ts";

let client: ScratchNetns;
let server: ScratchNetns;
let link: ClientLink;
let dir: string;
const running: Bun.Subprocess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "netloom-dhcp6-"));
  client = new ScratchNetns("client");
  server = new ScratchNetns("server");
  const pair = "ip link add eth0 type veth peer name srv netns";
  client.run(...pair.split(" "), server.name);
  // A router tells of itself from its link-local address, and only once that is sure.
  server.run("sysctl", "-qw", "net.ipv6.conf.srv.accept_dad=0");
  server.run("ip", "link", "set", "srv", "up");
  server.run("ip", "addr", "add", "2001:db8::1/64", "dev", "srv", "nodad");
  for (const setting of ["accept_ra=0", "accept_dad=0"]) {
    client.run("sysctl", "-qw", `net.ipv6.conf.eth0.${setting}`);
  }
  client.run("ip", "link", "set", "eth0", "up");
  link = linkOf("eth0");
});

function linkOf(name: string): ClientLink {
  const [found] = client.json("ip", "-j", "link", "show", name);
  return { netns: client.path, name, index: found.ifindex, mac: found.address };
}

afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  client[Symbol.dispose]();
  server[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition() && performance.now() < end) await Bun.sleep(5);
  if (!condition()) throw new Error(`In vain waited for: ${what}`);
}

interface Dnsmasq {
  said(): string;
  /** How often it has said so. */
  count(text: string): number;
  end(): Promise<void>;
}

let logs = 0;
const range = "--dhcp-range=2001:db8::100,2001:db8::1ff,64,2m";

function dnsmasq(...more: string[]): Promise<Dnsmasq> {
  return dnsmasqIn(server, "srv", ...more, `--dhcp-leasefile=${dir}/leases`);
}

async function dnsmasqIn(netns: ScratchNetns, name: string, ...more: string[]): Promise<Dnsmasq> {
  const log = join(dir, `log${++logs}`);
  const fixed = ["--no-daemon", "--conf-file=/dev/null", "--port=0", `--interface=${name}`];
  const files = [`--log-facility=${log}`, "--log-dhcp"];
  const argv = ["dnsmasq", ...fixed, "--bind-interfaces", ...files, ...more];
  const child = Bun.spawn(["nsenter", `--net=${netns.path}`, ...argv]);
  running.push(child);
  const said = () => {
    try {
      return readFileSync(log, "utf8");
    } catch {
      return "";
    }
  };
  await until("dnsmasq", () => said().includes("sockets bound exclusively"));
  return {
    said,
    count: (text) => said().split(text).length - 1,
    async end() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A client on the link. Its clock runs as ours does, from where the test has turned it. */
class Client implements Disposable {
  state!: V6State;
  #turnedMs = 0;
  readonly #link: ClientLink;
  #transport: V6Transport | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    clientId = "0061",
    { provide = [], on = link }: { provide?: readonly DhcpOption[]; on?: ClientLink } = {},
  ) {
    const wishes = { request: [23, 24], provide, conflictDetection: "fast" } as const;
    this.#link = on;
    this.#take(start({ clientId, link: on, wishes }, this.context));
    this.#timer = setInterval(() => {
      const { wakeAt } = this.state;
      if (wakeAt !== undefined && wakeAt <= this.context.now) {
        this.#take(onTimer(this.state, this.context));
      }
    }, 5);
  }

  get context() {
    return { now: performance.now() + this.#turnedMs, random: Math.random };
  }

  get address(): string | undefined {
    return this.state.lease?.ips[0]?.address;
  }

  /** Turns the clock to a moment of the lease. */
  turn(to: "renewAt" | "rebindAt" | "expiresAt"): void {
    this.#turnedMs += this.state.lease!.times[to]! - this.context.now;
  }

  restart(): void {
    this.#take(resume(parseV6State(JSON.parse(JSON.stringify(this.state)))!, this.context));
  }

  release(): void {
    this.#take(release(this.state, this.context));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#transport?.[Symbol.dispose]();
  }

  #take({ state, sends }: V6Step): void {
    this.state = state;
    this.#transport ??= new V6Transport(this.#link, (frame) =>
      this.#take(onPacket(this.state, frame, this.context)),
    );
    for (const packet of sends) this.#transport.send(packet);
    if (state.listens) return;
    this.#transport[Symbol.dispose]();
    this.#transport = undefined;
  }
}

const held = (client: Client) =>
  until("a lease", () => client.state.stage === "held" && client.state.phase === "BOUND");

test("a lease is got with what server and router tell of the link, renewed, rebound, given back", async () => {
  const served = await dnsmasq(
    ...[range, "--enable-ra", "--dhcp-option=option6:dns-server,[2001:db8::53]"],
    "--dhcp-option=option6:domain-search,a.example.org,b.example.org",
    "--ra-param=srv,mtu:1400,10,600",
  );
  using held6 = new Client();
  await held(held6);
  const router = server
    .json("ip", "-j", "-6", "addr", "show", "dev", "srv", "scope", "link")[0]
    .addr_info.find((each: any) => each.scope === "link").local;
  const { address } = held6;
  // A copy: Bun writes its matchers into what it compares.
  expect(structuredClone(held6.state.lease)).toMatchObject({
    ips: [{ address: expect.stringMatching(/^2001:db8::1[0-9a-f]{2}\/64$/), gateway: router }],
    routes: [{ dst: "::/0", gw: router }],
    dns: { nameservers: ["2001:db8::53"], search: ["a.example.org", "b.example.org"] },
    mtu: 1400,
  });
  held6.turn("renewAt");
  await until("RENEW", () => served.count("DHCPRENEW(") === 1);
  await held(held6);
  held6.turn("rebindAt");
  await until("REBIND", () => served.count("DHCPREBIND(") === 1);
  await held(held6);
  expect(held6.address).toBe(address);
  held6.restart();
  await until("CONFIRM", () => served.count("DHCPCONFIRM(") === 1);
  await held(held6);
  expect(held6.address).toBe(address);
  held6.release();
  await until("the end", () => held6.state.stage === "ended");
  expect(served.count("DHCPRELEASE(")).toBe(1);
  expect(served.said()).toContain("release received");
  expect(readFileSync(join(dir, "leases"), "utf8")).not.toContain("2001:db8::1");
}, 60_000);

test("a server that has forgotten everything gives the same lease again, without a gap", async () => {
  // It is the same server still: its own name is not in the file that it loses.
  const duid = "--dhcp-duid=32473,01:02:03:04";
  const first = await dnsmasq(range, "--enable-ra", duid);
  using forgotten = new Client();
  await held(forgotten);
  const { address } = forgotten;
  await first.end();
  rmSync(join(dir, "leases"));
  const second = await dnsmasq(range, "--enable-ra", duid);
  let gaps = 0;
  const watch = setInterval(() => {
    if (forgotten.state.stage !== "held") gaps++;
  }, 1);
  forgotten.turn("renewAt");
  await until("RENEW", () => second.count("DHCPRENEW(") === 1);
  await until("REQUEST", () => second.count("DHCPREQUEST(") === 1);
  await held(forgotten);
  clearInterval(watch);
  expect([gaps, forgotten.address]).toEqual([0, address]);
}, 60_000);

test("a server that is away until the lease has ended is found again, and asked for the same", async () => {
  const first = await dnsmasq(range, "--enable-ra");
  using patient = new Client();
  await held(patient);
  const { address } = patient;
  await first.end();
  for (const [moment, phase] of [
    ["renewAt", "RENEWING"],
    ["rebindAt", "REBINDING"],
    ["expiresAt", "SOLICITING"],
  ] as const) {
    patient.turn(moment);
    await until(phase, () => patient.state.phase === phase);
  }
  expect(patient.state).toMatchObject({
    stage: "seeking",
    trouble: expect.stringContaining("no server renewed"),
  });
  await dnsmasq(range, "--enable-ra");
  await held(patient);
  expect(patient.address).toBe(address);
}, 60_000);

test("addresses of a network that has moved are given up at the first question after a restart", async () => {
  const first = await dnsmasq(range, "--enable-ra");
  using moved = new Client();
  await held(moved);
  await first.end();
  server.run("ip", "addr", "add", "2001:db8:2::1/64", "dev", "srv", "nodad");
  server.run("ip", "addr", "del", "2001:db8::1/64", "dev", "srv");
  const second = await dnsmasq("--dhcp-range=2001:db8:2::100,2001:db8:2::1ff,64,2m", "--enable-ra");
  moved.restart();
  await until("CONFIRM", () => second.count("DHCPCONFIRM(") >= 1);
  await until("another lease", () => moved.address?.startsWith("2001:db8:2::") === true);
  expect(second.said()).toContain("confirm failed");
}, 60_000);

/** Another host on the client's network, with that address on its link `eth0`. */
function hostBeside(address: string): ScratchNetns {
  const other = new ScratchNetns("other");
  const child = `ip link add link srv name eth0 netns ${other.name} type macvlan mode bridge`;
  server.run(...child.split(" "));
  other.run("ip", "link", "set", "eth0", "up");
  other.run("ip", "addr", "add", address, "dev", "eth0", "nodad");
  return other;
}

test("an address that another host has is declined, and the next one taken", async () => {
  // The server would see an address of its own: so another host beside it has it.
  using _other = hostBeside("2001:db8::101/64");
  const served = await dnsmasq(range, "--dhcp-sequential-ip", "--enable-ra");
  using careful = new Client();
  await held(careful);
  expect(served.said()).toContain("DHCPDECLINE(srv)");
  expect(served.said()).toMatch(/DHCPREPLY\(srv\) 2001:db8::101 /);
  expect(careful.address).not.toBe("2001:db8::101/64");
  expect(careful.address).toStartWith("2001:db8::1");
}, 60_000);

test("a server without addresses left says so, and a freed one is got", async () => {
  const served = await dnsmasq("--dhcp-range=2001:db8::100,2001:db8::100,64,2m", "--enable-ra");
  using first = new Client("0061");
  await held(first);
  first.release();
  await until("the end", () => first.state.stage === "ended");
  using second = new Client("0062");
  await held(second);
  expect(second.address).toBe("2001:db8::100/64");
  client.run("ip", "link", "add", "eth1", "link", "eth0", "type", "macvlan", "mode", "bridge");
  client.run("ip", "link", "set", "eth1", "up");
  using third = new Client("0063", { on: linkOf("eth1") });
  await until("a refusal", () => third.state.trouble !== undefined);
  expect(third.state.trouble).toMatch(/^server 0001[0-9a-f]+ refused: noAddrsAvail/);
  expect(served.said()).toContain("no addresses available");
  second.release();
  await held(third);
  expect(third.address).toBe("2001:db8::100/64");
}, 60_000);

test("of two servers the one of the higher preference is taken, at once; it gone, the other", async () => {
  using other = hostBeside("2001:db8::2/64");
  const low = await dnsmasq(range);
  // What an authoritative dnsmasq tells of itself is preference 255.
  const files = ["--dhcp-authoritative", `--dhcp-leasefile=${dir}/others`];
  const high = "--dhcp-range=2001:db8::200,2001:db8::2ff,64,2m";
  const preferred = await dnsmasqIn(other, "eth0", high, ...files);
  using choosy = new Client();
  await until("both", () => low.count("DHCPADVERTISE(") + preferred.count("DHCPADVERTISE(") === 2);
  await held(choosy);
  expect(choosy.address).toStartWith("2001:db8::2");
  expect([low.count("DHCPREQUEST("), preferred.count("DHCPREQUEST(")]).toEqual([0, 1]);
  await preferred.end();
  choosy.turn("renewAt");
  await until("silence", () => choosy.state.phase === "RENEWING");
  choosy.turn("expiresAt");
  await until("another lease", () => choosy.address?.startsWith("2001:db8::1") === true);
}, 60_000);

test("where nobody is a router the address stands alone; two messages are enough if asked for", async () => {
  const served = await dnsmasq(range);
  using alone = new Client("0061", { provide: [{ code: 14, value: "" }] });
  await held(alone);
  expect(alone.state.lease).toMatchObject({ routes: [] });
  expect(alone.address).toEndWith("/128");
  expect([served.count("DHCPSOLICIT("), served.count("DHCPREQUEST(")]).toEqual([1, 0]);
}, 60_000);

test("what the client is called and who made it reach the server", async () => {
  const served = await dnsmasq(
    ...[range, "--enable-ra", "--dhcp-userclass=set:ipxe,ipxe"],
    "--dhcp-vendorclass=set:acme,enterprise:311,acme",
  );
  const provide = [
    { code: 39, value: "0104626c7565" },
    { code: 15, value: "000469707865" },
    { code: 16, value: "00000137000461636d65" },
  ];
  using named = new Client("0061", { provide });
  await held(named);
  expect(served.said()).toContain("client provides name: blue");
  expect(served.said()).toMatch(/tags: acme, ipxe, dhcpv6, srv|tags: ipxe, acme, dhcpv6, srv/);
}, 60_000);
