/** Batches, dumps and work in the background, on the real kernel. */
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScratchNetns } from "../netns/scratch.ts";
import { u8 } from "./codec.ts";
import { changeLink, createLink, deleteLink, linkLayout } from "./link.ts";
import { getLink, getLinks, listLinks } from "./link-info.ts";
import { type Request, request } from "./message.ts";
import { addRoute } from "./route.ts";
import { listRoutes } from "./route-info.ts";
import { rtm } from "./rtm.ts";

const bridge = (name: string) => createLink({ name, kind: "bridge" });
const names = (netns: ScratchNetns) => netns.json("ip", "-j", "link").map((link) => link.ifname);

describe("a batch", () => {
  test("goes on behind a request that fails, and tells which one it was", () => {
    using netns = new ScratchNetns("batch");
    using socket = netns.socket();
    const outcomes = socket.batch([
      bridge("a"),
      bridge("a"),
      bridge("b"),
      deleteLink({ name: "c" }),
    ]);
    expect(outcomes.map((outcome) => outcome.error?.code)).toEqual([
      undefined,
      "EEXIST",
      undefined,
      undefined,
    ]);
    expect(names(netns)).toEqual(["lo", "a", "b"]);
    expect(() => socket.run([bridge("d"), bridge("a"), bridge("e")])).toThrow('link "a": EEXIST');
    expect(names(netns)).toEqual(["lo", "a", "b", "d", "e"]);
  });

  test("of hundreds is one system call to send and one to receive", () => {
    using netns = new ScratchNetns("batch");
    const script = `
      import { NetlinkSocket } from "${import.meta.dir}/socket.ts";
      import { changeLink } from "${import.meta.dir}/link.ts";
      using socket = new NetlinkSocket("route");
      const one = changeLink({ name: "lo" }, { mtu: 65000 });
      socket.run(Array.from({ length: 400 }, () => one));`;
    const trace = join(tmpdir(), `${netns.name}.strace`);
    const command = ["strace", "-f", "-e", "trace=sendto,sendmsg,recvfrom,recvmsg", "-o", trace];
    try {
      netns.run(...command, process.execPath, "-e", script);
      const text = readFileSync(trace, "utf8");
      expect(text.match(/send(to|msg)\(.*NLM_F_REQUEST/g)).toHaveLength(1);
      expect(text.match(/recv(from|msg)\(.*NLMSG_ERROR/g)).toHaveLength(1);
    } finally {
      rmSync(trace, { force: true });
    }
  });

  test("of thousands of requests comes back whole and in order", () => {
    using netns = new ScratchNetns("batch");
    using socket = netns.socket();
    socket.run([changeLink({ name: "lo" }, { up: true })]);
    const requests = Array.from({ length: 3000 }, (_, at) =>
      addRoute({ dst: `10.${at >> 8}.${at & 255}.0/24`, oif: 1, table: 10800 }),
    );
    const again = [...requests, bridge("end")];
    expect(socket.batch(requests).filter((outcome) => outcome.error)).toEqual([]);
    const codes = socket.batch(again).map((outcome) => outcome.error?.code);
    expect(codes).toEqual([...requests.map(() => "EEXIST"), undefined]);
    expect(listRoutes(socket, { table: 10800 })).toHaveLength(3000);
  });

  test("of many questions brings every answer", () => {
    using netns = new ScratchNetns("batch");
    using socket = netns.socket();
    const found = getLinks(
      socket,
      Array.from({ length: 700 }, (_, at) => (at % 2 ? { name: "lo" } : { index: 99 })),
    );
    expect(found.map((link) => link?.name ?? "")).toEqual(
      Array.from({ length: 700 }, (_, at) => (at % 2 ? "lo" : "")),
    );
  });

  test("is answered in order also where the numbers of requests begin anew", () => {
    using netns = new ScratchNetns("batch");
    using socket = netns.socket();
    Object.assign(socket, { seq: 0xffffffff - 2 });
    const targets = [{ name: "lo" }, { name: "nil" }, { index: 1 }, { index: 9 }, { name: "lo" }];
    for (let round = 0; round < 3; round++) {
      const found = getLinks(socket, targets).map((link) => link?.name);
      expect(found).toEqual(["lo", undefined, "lo", undefined, "lo"]);
      expect(listLinks(socket).map((link) => link.name)).toEqual(["lo"]);
    }
  });

  test("is served to the root of a user namespace, who may not force large buffers", () => {
    const script = `
      import { NetlinkSocket } from "${import.meta.dir}/socket.ts";
      import { createLink } from "${import.meta.dir}/link.ts";
      using socket = new NetlinkSocket("route");
      const names = Array.from({ length: 60 }, (_, at) => "br" + at);
      socket.run(names.map((name) => createLink({ name, kind: "bridge" })));
      using netfilter = new NetlinkSocket("netfilter");`;
    const command = `'${process.execPath}' -e '${script}' && ip -j link`;
    const result = Bun.spawnSync(["unshare", "--map-root-user", "--net", "sh", "-c", command]);
    expect(result.stderr.toString()).toBe("");
    expect(JSON.parse(result.stdout.toString())).toHaveLength(61);
  });

  test("of nothing does nothing", () => {
    using netns = new ScratchNetns("batch");
    using socket = netns.socket();
    expect(socket.batch([])).toEqual([]);
  });
});

describe("an error", () => {
  test("carries the kernel's words and where in the request it points", () => {
    using netns = new ScratchNetns("error");
    using socket = netns.socket();
    const [outcome] = socket.batch([createLink({ name: "far-too-long-a-name", kind: "bridge" })]);
    // 16 bytes of message header and 16 of ifinfomsg stand before the name.
    expect(outcome!.error).toMatchObject({
      code: "ERANGE",
      extack: "Attribute failed policy validation",
      offset: 32,
    });
    expect(() => socket.run([addRoute({ dst: "10.9.0.0/16", gateway: "192.0.2.1" })])).toThrow(
      "Nexthop has invalid gateway (ENETUNREACH)",
    );
  });

  test("of an attribute that strict checking does not know is told, not passed over", () => {
    using netns = new ScratchNetns("error");
    using socket = netns.socket();
    const dump = request({ op: "list links", type: rtm.getLink, flags: 0 }, linkLayout, {
      header: { hardwareType: 1 },
      attrs: {},
    });
    expect(() => socket.dump(dump)).toThrow("Cannot list links: Invalid values in header");
  });

  test("in a message that the kernel cannot read is told too", () => {
    using netns = new ScratchNetns("error");
    using socket = netns.socket();
    const cut: Request = {
      op: "say half",
      type: rtm.newLink,
      flags: 0,
      write: (o) => u8.write(o, 1),
    };
    expect(() => socket.run([cut])).toThrow("Cannot say half: Invalid header length (EINVAL)");
    expect(getLink(socket, { name: "lo" })?.index).toBe(1);
  });
});

describe("a dump", () => {
  /** More links than fit one datagram of a dump. */
  function crowded(): ScratchNetns {
    const netns = new ScratchNetns("dump");
    using socket = netns.socket();
    socket.run(Array.from({ length: 80 }, (_, at) => bridge(`br${at}`)));
    return netns;
  }

  /** Has `change` happen between the first and the second datagram, `times` times. */
  function disturb(socket: any, times: number, change: (round: number) => void): () => number {
    const receive = socket.receive.bind(socket);
    let dumps = 0;
    let last = 0;
    socket.receive = () => {
      const found = receive();
      if (found[0] && found[0].seq !== last) {
        last = found[0].seq;
        if (++dumps <= times) change(dumps);
      }
      return found;
    };
    return () => dumps;
  }

  test("that changed under way is repeated, and then tells the change", () => {
    using netns = crowded();
    using socket = netns.socket();
    using other = netns.socket();
    const dumps = disturb(socket, 2, (round) => other.run([bridge(`late${round}`)]));
    const found = listLinks(socket).map((link) => link.name);
    expect(dumps()).toBe(3);
    expect(found).toEqual(names(netns));
    expect(found).toContain("late2");
  });

  test("that never comes to rest is an error, not a loop", () => {
    using netns = crowded();
    using socket = netns.socket();
    using other = netns.socket();
    let mtu = 1000;
    disturb(socket, 1000, () => other.run([bridge(`late${mtu++}`)]));
    expect(() => listLinks(socket)).toThrow("Cannot list links without interruption in 10 tries");
    expect(mtu).toBe(1010);
  });

  test("of thousands of routes is whole", () => {
    using netns = new ScratchNetns("dump");
    using socket = netns.socket();
    netns.run("ip", "link", "set", "lo", "up");
    const dsts = Array.from({ length: 2000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`);
    socket.run(dsts.map((dst) => addRoute({ dst, oif: 1, table: 10800 })));
    expect(listRoutes(socket, { table: 10800 }).map((route) => route.dst)).toEqual(dsts);
  });
});

describe("in the background", () => {
  test("links are deleted while the main thread asks and changes others", () => {
    using netns = new ScratchNetns("background");
    using socket = netns.socket();
    using background = netns.socket();
    const pair = (at: number) =>
      createLink({ name: `v${at}`, kind: "veth", up: true, veth: { peer: { name: `w${at}` } } });
    socket.run([bridge("br0"), ...Array.from({ length: 10 }, (_, at) => pair(at))]);
    const gone = Array.from({ length: 10 }, (_, at) => deleteLink({ name: `v${at}` }));
    const started = performance.now();
    const work = background.begin(gone);
    // One exchange that changes and reads; it takes the lock that deleting takes too.
    socket.run([changeLink({ name: "br0" }, { mtu: 1234 })]);
    expect(getLink(socket, { name: "br0" })!.mtu).toBe(1234);
    const exchanged = performance.now() - started;
    expect(work.finish().map((outcome) => outcome.error)).toEqual(gone.map(() => undefined));
    // Deleting ten waits for hundreds of milliseconds, the exchange for none of them.
    expect(exchanged * 3).toBeLessThan(performance.now() - started);
    expect(names(netns)).toEqual(["lo", "br0"]);
  });

  test("a failure is told as in the foreground, and the socket serves again", () => {
    using netns = new ScratchNetns("background");
    using socket = netns.socket();
    socket.run([bridge("br0")]);
    const work = socket.begin([bridge("br0"), bridge("br1")]);
    expect(() => socket.run([bridge("br2")])).toThrow("at work in the background");
    expect(() => work.finish()).toThrow('Cannot create bridge link "br0": EEXIST');
    expect(getLink(socket, { name: "br1" })).toBeDefined();
    expect(socket.begin([]).finish()).toEqual([]);
  });
});
