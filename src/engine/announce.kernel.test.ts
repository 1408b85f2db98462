/** An attachment works, and its neighbours know of it, when ADD returns. */
import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { rounds } from "../../test/support/patience.ts";
import { type Candidate, candidates, examAddresses } from "../drivers/conformance.ts";
import { inNetns } from "../kernel/netns/netns.ts";
import * as sys from "../kernel/sys/libc.ts";
import { type Family, ipToBytes } from "../lib/ip.ts";
import { EngineFixture } from "./engine-fixture.ts";

const named = (name: string) => candidates.find((candidate) => candidate.name === name)!;

function attachNext(fixture: EngineFixture, { driver, config, routes }: Candidate) {
  const box = fixture.box();
  const addresses = examAddresses(fixture.boxes.length);
  return { box, ...addresses, done: fixture.attach(box, { driver, config, routes, ...addresses }) };
}

const bare = (address: string) => address.replace(/\/.*/, "");

/** The host that the candidate needs. */
function hostFor({ onParent }: Candidate, label: string): EngineFixture {
  const fixture = new EngineFixture(label);
  if (onParent) fixture.addParent();
  return fixture;
}

test.each([
  ["bridge as gateway", "cni0"],
  ["macvlan", "far"],
])(
  "every attachment of 50 of %s is announced on %s, in both families",
  async (name, link) => {
    const candidate = named(name);
    using fixture = hostFor(candidate, "announce");
    await attachNext(fixture, candidate).done;
    const enter = ["nsenter", `--net=${fixture.host.path}`];
    const options = ["--immediate-mode", "-lnn", "-i", link, "arp or icmp6"];
    const tcpdump = Bun.spawn([...enter, "tcpdump", ...options], {
      stdout: "pipe",
      stderr: "pipe",
    });
    await tcpdump.stderr.getReader().read();
    const unseen = new Set<string>();
    for (let n = 0; n < rounds(50); n++) {
      const { ips, done } = attachNext(fixture, candidate);
      const [four, six] = ips.map(bare);
      unseen.add(`Request who-has ${four} tell ${four},`);
      unseen.add(`${six} > ff02::1: ICMP6, neighbor advertisement, tgt is ${six},`);
      await done;
    }
    // What was not seen by then never will be.
    const end = setTimeout(() => tcpdump.kill(), 5_000);
    let seen = "";
    for await (const chunk of tcpdump.stdout) {
      seen += new TextDecoder().decode(chunk);
      for (const line of unseen) if (seen.includes(line)) unseen.delete(line);
      if (unseen.size === 0) break;
    }
    clearTimeout(end);
    tcpdump.kill();
    expect([...unseen]).toEqual([]);
  },
  60_000,
);

/** A datagram socket of a namespace. Its receiver gives up before ARP would ask a second time. */
class DatagramSocket implements Disposable {
  readonly fd: number;
  readonly #family: Family;

  constructor(netns: string, family: Family) {
    this.#family = family;
    this.fd = inNetns(netns, () => sys.socket(family === 4 ? 2 : 10, 2, 0));
    const timeval = new BigInt64Array([0n, 800_000n]);
    sys.setsockopt(this.fd, 1, 20, new Uint8Array(timeval.buffer));
    sys.bind(this.fd, this.#at(family === 4 ? "0.0.0.0" : "::"));
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }

  /** `struct sockaddr_in` or `sockaddr_in6`, port 7777. */
  #at(address: string): Uint8Array {
    const out = new Uint8Array(this.#family === 4 ? 16 : 28);
    out.set([this.#family === 4 ? 2 : 10, 0, 0x1e, 0x61]);
    out.set(ipToBytes(address), this.#family === 4 ? 4 : 8);
    return out;
  }

  send(address: string): void {
    sys.sendTo(this.fd, new TextEncoder().encode("hello"), this.#at(address));
  }

  /** Whether something arrives in time. */
  hears(): boolean {
    try {
      return sys.recv(this.fd, new Uint8Array(64)) > 0;
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return false;
      throw error;
    }
  }
}

const types = ["bridge as gateway", "bridge with everything", "macvlan", "ptp"].map(named);
const cases = types.flatMap((candidate) =>
  ([4, 6] as const).map((family): [string, Family, Candidate] => [
    candidate.name,
    family,
    candidate,
  ]),
);

test.each(cases)(
  "%s: the first packets after ADD arrive over IPv%d",
  async (_, family, candidate) => {
    using fixture = hostFor(candidate, "at-once");
    using host = new DatagramSocket(fixture.host.path, family);
    const of = <T>(pair: readonly T[]) => pair[family === 4 ? 0 : 1]!;
    const lost: string[] = [];
    let last: { socket: DatagramSocket; address: string } | undefined;
    using sockets = new DisposableStack();
    for (let n = 1; n <= rounds(25); n++) {
      const { box, ips, gateways, done } = attachNext(fixture, candidate);
      await done;
      const socket = sockets.use(new DatagramSocket(box.netns.path, family));
      const address = bare(of(ips));
      // Turn about, for the first packet in one direction makes way for the other.
      const turn = candidate.withoutHost ? n % 2 : n % 4;
      if (turn === 0 && last) {
        last.socket.send(address);
        if (!socket.hears()) lost.push(`${n}: from another container`);
      } else if (turn === 1 && last) {
        socket.send(last.address);
        if (!last.socket.hears()) lost.push(`${n}: to another container`);
      } else if (candidate.withoutHost) {
        // Nobody is there yet.
      } else if (n % 2 === 0) {
        host.send(address);
        if (!socket.hears()) lost.push(`${n}: from the host`);
      } else {
        socket.send(of(gateways));
        if (!host.hears()) lost.push(`${n}: to the host`);
      }
      last = { socket, address };
    }
    expect(lost).toEqual([]);
  },
  60_000,
);
