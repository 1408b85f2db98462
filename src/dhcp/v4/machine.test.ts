/** The DHCPv4 client gets a lease: each answer and each silence, by a clock that the test turns. */
import { describe, expect, test } from "bun:test";
import { Client, otherServer, second } from "./client-fixture.ts";
import { arpFrame, readArpFrame } from "./frame.ts";
import { readOption } from "./options.ts";
import { answerTo, clientMac, orderOf, usualAnswer } from "./server-fixture.ts";

describe("getting a lease", () => {
  test("an offer is asked for and acknowledged", () => {
    const client = new Client();
    expect(client.message.type).toBe("DISCOVER");
    expect(client.message.options.get(61)?.toHex()).toBe("0061");
    expect(client.message.options.get(55)).toEqual(Uint8Array.of(1, 3, 6));
    expect(client.state.listens).toBe(true);

    client.answer("OFFER");
    expect(client.message.type).toBe("REQUEST");
    expect(readOption(client.message.options, "requestedIp")).toBe("10.0.0.50");
    expect(readOption(client.message.options, "serverId")).toBe("10.0.0.1");
    expect(client.message.ciaddr).toBe("0.0.0.0");

    client.answer("ACK");
    expect(client.state).toMatchObject({ stage: "held", phase: "BOUND", listens: false });
    expect(client.sent).toEqual([]);
    expect(client.state.lease).toEqual({
      family: 4,
      ips: [{ address: "10.0.0.50/24", gateway: "10.0.0.1" }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }],
      dns: {},
      server: "10.0.0.1",
      times: {
        startedAt: client.now,
        renewAt: client.now + 300 * second,
        rebindAt: client.now + 525 * second,
        expiresAt: client.now + 600 * second,
      },
    });
    expect(client.state.wakeAt).toBe(client.now + 300 * second);
  });

  test("silence is met with the same question, later each time", () => {
    const client = new Client();
    const { xid } = client.message;
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      waits.push(client.state.wakeAt! - client.now);
      client.wake();
      expect(client.message).toMatchObject({ type: "DISCOVER", xid });
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 62, 62, 62].map((each) => each * second));
    expect(client.message.secs).toBe(249);
    const early = new Client(orderOf(), () => 0);
    const late = new Client(orderOf(), () => 0.999);
    expect(early.state.wakeAt! - early.now).toBe(750);
    expect(late.state.wakeAt! - late.now).toBeCloseTo(1250, -1);
  });

  test("a server that offers and then falls silent is given up for any other", () => {
    const client = new Client();
    client.answer("OFFER");
    for (let i = 0; i < 3; i++) {
      client.wake();
      expect(client.message.type).toBe("REQUEST");
    }
    client.wake();
    expect(client.message.type).toBe("DISCOVER");
    expect(client.state.trouble).toContain("10.0.0.1 offered and fell silent");
    client.bind({ said: otherServer });
    expect(client.state.lease?.server).toBe("10.0.0.2");
  });

  test("of two servers the first to offer is taken, and the other's ACK means nothing", () => {
    const client = new Client();
    client.answer("OFFER");
    const asked = client.message;
    client.receive(answerTo(asked, "OFFER", { said: otherServer, yiaddr: "10.0.0.60" }));
    expect(client.state.offer?.server).toBe("10.0.0.1");
    client.receive(answerTo(asked, "ACK", { said: otherServer, yiaddr: "10.0.0.60" }));
    expect(client.state.phase).toBe("REQUESTING");
    client.receive(answerTo(asked, "NAK", { said: otherServer }));
    expect(client.state.phase).toBe("REQUESTING");
    client.receive(answerTo(asked, "ACK"));
    expect(client.state.phase).toBe("BOUND");
  });

  test("a refusal is told, and all begins anew after a while", () => {
    const client = new Client();
    client.answer("OFFER");
    client.answer("NAK", { said: { serverId: "10.0.0.1", message: "not\nyou" } });
    expect(client.state).toMatchObject({ stage: "seeking", phase: "WAITING" });
    expect(client.state.trouble).toBe('server 10.0.0.1 refused: "not?you"');
    client.wake();
    expect(client.message.type).toBe("DISCOVER");
    client.answer("OFFER");
    client.answer("NAK", { said: { serverId: "10.0.0.1" } });
    expect(client.state.wakeAt! - client.now).toBeGreaterThanOrEqual(10 * second);
  });

  const useless: [string, Parameters<typeof answerTo>[2], string][] = [
    ["without a mask", { said: { serverId: "10.0.0.1" } }, "no subnet mask"],
    ["with a mask with holes", { said: { ...usualAnswer, subnetMask: "255.0.255.0" } }, "mask"],
    ["of no time", { said: { ...usualAnswer, leaseSeconds: 0 } }, "no time"],
    ["of no address", { yiaddr: "0.0.0.0" }, "0.0.0.0"],
    ["of a group's address", { yiaddr: "224.0.0.1" }, "224.0.0.1"],
    ["of a loopback address", { yiaddr: "127.0.0.2" }, "127.0.0.2"],
  ];
  for (const [name, answer, trouble] of useless) {
    test(`an offer ${name} is not taken, and the reason is told`, () => {
      const client = new Client();
      client.answer("OFFER", answer);
      expect(client.state.phase).toBe("SELECTING");
      expect(client.state.trouble).toContain(trouble);
      client.wake();
      client.bind();
    });
  }

  test("options that are provided are sent, the client's identifier among them", () => {
    const provide = [
      { code: 12, value: "6162" },
      { code: 61, value: "ff01" },
    ];
    const client = new Client(orderOf({ provide }));
    expect(client.message.options.get(12)?.toHex()).toBe("6162");
    expect(client.message.options.get(61)?.toHex()).toBe("ff01");
    client.bind();
    client.release();
    expect(client.message.options.get(61)?.toHex()).toBe("ff01");
    expect(client.message.options.has(12)).toBe(false);
  });

  test("answers by broadcast are asked for only where the link needs them", () => {
    expect(new Client().message.broadcast).toBe(false);
    const client = new Client(orderOf({}, { broadcast: true }));
    expect(client.message.broadcast).toBe(true);
    client.bind();
    client.wake();
    expect(client.message.broadcast).toBe(false);
  });
});

describe("an address that the link has already", () => {
  const kept = () => new Client(orderOf({}, { keep: "10.0.0.50" }));

  test("is confirmed by whichever server", () => {
    const client = kept();
    expect(client.message.type).toBe("REQUEST");
    expect(readOption(client.message.options, "requestedIp")).toBe("10.0.0.50");
    expect(client.message.options.has(54)).toBe(false);
    client.answer("ACK", { said: otherServer });
    expect(client.state.phase).toBe("BOUND");
  });

  test("is looked for anew when a server refuses it, or none answers", () => {
    const refused = kept();
    refused.answer("NAK");
    expect(refused.message.type).toBe("DISCOVER");
    const unheard = kept();
    unheard.wake();
    expect(unheard.message.type).toBe("REQUEST");
    unheard.wake();
    expect(unheard.message.type).toBe("DISCOVER");
    expect(readOption(unheard.message.options, "requestedIp")).toBe("10.0.0.50");
  });
});

describe("looking for other hosts with the address", () => {
  const probing = (conflictDetection: "fast" | "rfc5227") => {
    const client = new Client(orderOf({ conflictDetection }));
    client.answer("OFFER");
    client.answer("ACK");
    expect(client.state).toMatchObject({ stage: "seeking", phase: "PROBING" });
    return client;
  };
  const probeOf = (client: Client) => {
    const [packet] = client.sent;
    if (packet?.kind !== "probe") throw new Error("it sent no probe");
    return readArpFrame(packet.frame);
  };
  const theirs = { senderMac: "02:00:00:00:00:77", senderIp: "10.0.0.50" };

  test("takes a fifth of a second, and silence gives the lease", () => {
    const client = probing("fast");
    const began = client.now;
    expect(probeOf(client)).toEqual({
      op: "request",
      senderMac: clientMac,
      senderIp: "0.0.0.0",
      targetIp: "10.0.0.50",
    });
    client.wake();
    expect(probeOf(client)?.targetIp).toBe("10.0.0.50");
    client.wake();
    expect(client.state).toMatchObject({ stage: "held", phase: "BOUND", listens: false });
    expect(client.now - began).toBe(200);
  });

  test("by RFC 5227 sends three probes and takes some seconds", () => {
    const client = probing("rfc5227");
    const began = client.now;
    expect(client.sent).toEqual([]);
    for (let i = 0; i < 3; i++) {
      client.wake();
      expect(probeOf(client)?.op).toBe("request");
    }
    client.wake();
    expect(client.state.phase).toBe("BOUND");
    expect(client.now - began).toBe(500 + 2 * 1500 + 2000);
  });

  const conflicts: [string, Parameters<typeof arpFrame>[0]][] = [
    ["an answer", { ...theirs, op: "reply", targetIp: "0.0.0.0" }],
    ["an announcement", { ...theirs, op: "request", targetIp: "10.0.0.50" }],
    ["another's probe", { ...theirs, senderIp: "0.0.0.0", op: "request", targetIp: "10.0.0.50" }],
  ];
  for (const [name, packet] of conflicts) {
    test(`${name} makes the client decline, wait, and take another address`, () => {
      const client = probing("fast");
      client.receive(arpFrame(packet));
      const { type, options, ciaddr } = client.message;
      expect([type, ciaddr]).toEqual(["DECLINE", "0.0.0.0"]);
      expect(readOption(options, "requestedIp")).toBe("10.0.0.50");
      expect(readOption(options, "serverId")).toBe("10.0.0.1");
      expect(options.has(55)).toBe(false);
      expect(client.state.trouble).toContain("another host has 10.0.0.50");
      client.wake();
      expect(client.message.type).toBe("DISCOVER");
      expect(client.message.options.has(50)).toBe(false);
      client.answer("OFFER", { yiaddr: "10.0.0.51" });
      client.answer("ACK", { yiaddr: "10.0.0.51" });
      client.wake();
      client.wake();
      expect(client.state.lease?.ips[0]?.address).toBe("10.0.0.51/24");
    });
  }

  test("other hosts' talk is no conflict, nor is an echo of the own probe", () => {
    const client = probing("fast");
    const own = { op: "request", senderMac: clientMac, targetIp: "10.0.0.50" } as const;
    client.receive(arpFrame({ ...own, senderIp: "0.0.0.0" }));
    client.receive(
      arpFrame({ ...theirs, op: "request", senderIp: "10.0.0.7", targetIp: "10.0.0.50" }),
    );
    expect(client.state.phase).toBe("PROBING");
  });

  test("ended half way gives the lease back", () => {
    const client = probing("fast");
    client.release();
    expect(client.message).toMatchObject({ type: "RELEASE", ciaddr: "10.0.0.50" });
    expect(client.state).toMatchObject({ stage: "ended", listens: false });
  });
});
