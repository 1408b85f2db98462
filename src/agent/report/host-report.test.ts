/** What hosts tell of themselves, and that no late word of it counts. */
import { describe, expect, test } from "bun:test";
import { type Client, client } from "../../api/client/client.ts";
import type { ApiRequest } from "../../api/client/transport.ts";
import { reportHost } from "./host-report.ts";
import { silenceMs, Vigil } from "./vigil.ts";

const now = new Date("2026-01-02T03:04:05Z");
const report = (boot: string, agent = "a1") => ({
  ...{
    host: "h1",
    version: "1",
    kernel: "6.1",
    agent,
    boot,
    addresses: [],
    underlay: [],
    missing: [],
    ports: 0,
    repairs: 0,
  },
  wantedBlocks: [],
});
/** Pauses between looks: who is silent through all of them counts as silent. */
const pausesMs = [0, ...Array<number>(3).fill(silenceMs / 3)];

class Reporting {
  readonly #vigil = new Vigil();
  readonly #api: Client;
  #nowMs = 0;

  constructor(api: Client) {
    this.#api = api;
  }

  /** Gives why the agent does not serve. */
  async tell(
    told: ReturnType<typeof report>,
    nowMs = this.#nowMs,
    isBesideStore = false,
  ): Promise<string | undefined> {
    this.#nowMs = nowMs;
    const clocks = { now, nowMs, vigil: this.#vigil, isBesideStore };
    return (await reportHost(this.#api, told, clocks)).refusal;
  }

  /** Until the boot before is silent. */
  async follow(told: ReturnType<typeof report>): Promise<string | undefined> {
    let refusal: string | undefined;
    for (const afterMs of pausesMs) refusal = await this.tell(told, this.#nowMs + afterMs);
    return refusal;
  }
}

/** One host in a server that refuses who read another version. */
class HostServer {
  host: any;
  readonly patches: ApiRequest[] = [];
  /** Keeps patches back, as a slow network does. */
  isSlow = false;

  constructor(status: object = {}, metadata: object = {}) {
    this.host = {
      metadata: { name: "h1", generation: 1, resourceVersion: "1", ...metadata },
      status,
    };
  }

  /** The agent that serves is alive. */
  beat(heartbeat: string): void {
    const resourceVersion = String(Number(this.host.metadata.resourceVersion) + 1);
    const { metadata, status } = this.host;
    this.host = { metadata: { ...metadata, resourceVersion }, status: { ...status, heartbeat } };
  }

  readonly api = client(async (_path, request) => this.#serve(request));

  #serve(init: ApiRequest): Response {
    if (init.method !== "PATCH") return Response.json(this.host);
    this.patches.push(init);
    return this.isSlow ? Response.json(this.host) : this.patch(init);
  }

  patch({ body = "" }: ApiRequest): Response {
    const { metadata, status } = JSON.parse(body);
    const { resourceVersion } = this.host.metadata;
    if (metadata && metadata.resourceVersion !== resourceVersion) {
      return Response.json({ message: "the object has been modified" }, { status: 409 });
    }
    this.host = {
      metadata: { ...this.host.metadata, resourceVersion: String(Number(resourceVersion) + 1) },
      status: { ...this.host.status, ...status },
    };
    return Response.json(this.host);
  }
}

const serving = { agent: "a1", boot: "first" };
const conditionsOf = ({ host }: HostServer): string[] =>
  (host.status.conditions ?? []).map(
    ({ type, status, message }: Record<string, string>) => `${type}=${status} ${message}`,
  );

describe("a host's report", () => {
  for (const [what, status] of [
    ["nobody", {}],
    ["an agent of before there were identities", { boot: "zeroth" }],
  ] as const) {
    test(`tells who serves it after ${what}, and that it is alive`, async () => {
      const server = new HostServer(status);
      expect(await new Reporting(server.api).tell(report("first"))).toBeUndefined();
      expect(server.host.status).toMatchObject({ ...serving, heartbeat: "2026-01-02T03:04:05Z" });
    });
  }

  test("tells a new boot once the one before is silent", async () => {
    const server = new HostServer({ ...serving, heartbeat: "2026-01-01T00:00:00Z" });
    const reporting = new Reporting(server.api);
    expect(await reporting.tell(report("second"))).toContain("in another boot (first");
    expect(server.patches).toHaveLength(0);
    expect(await reporting.follow(report("second"))).toBeUndefined();
    expect(server.host.status).toMatchObject({ agent: "a1", boot: "second" });
  });

  test("tells a new boot at once beside its store, where the one before must be over", async () => {
    const server = new HostServer({ ...serving, heartbeat: "2026-01-01T00:00:00Z" });
    expect(await new Reporting(server.api).tell(report("second"), 0, true)).toBeUndefined();
    expect(server.host.status).toMatchObject({ agent: "a1", boot: "second" });
  });

  test("tells no new boot while the one before is alive, but that there are two", async () => {
    const server = new HostServer({ ...serving, heartbeat: "0" });
    const reporting = new Reporting(server.api);
    for (let beat = 0; beat < 10; beat++) {
      server.beat(String(beat));
      expect(await reporting.tell(report("second"), beat * 9_000)).toContain("copy");
    }
    expect(server.host.status).toMatchObject({ ...serving, heartbeat: "9" });
    expect(conditionsOf(server)).toEqual([expect.stringMatching(/^Contested=True .*copy/)]);
  });

  test("of an agent that another boot replaced tells nothing", async () => {
    const server = new HostServer({ agent: "a1", boot: "second", heartbeat: "0" });
    expect(await new Reporting(server.api).tell(report("first"))).toContain("another boot");
    expect(server.host.status).toEqual({ agent: "a1", boot: "second", heartbeat: "0" });
  });

  for (const boot of ["first", "second"]) {
    test(`of another agent counts never, in boot "${boot}"`, async () => {
      const server = new HostServer({ ...serving, heartbeat: "0" });
      const refusal = await new Reporting(server.api).follow(report(boot, "a2"));
      expect(refusal).toContain("another agent (a1");
      expect(server.host.status).toMatchObject({ ...serving, heartbeat: "0" });
      expect(conditionsOf(server)).toEqual([expect.stringMatching(/^Contested=True .*--host/)]);
    });
  }

  test("of a host with twins says that it is alone once the other asks no more", async () => {
    const server = new HostServer({ ...serving, heartbeat: "0" });
    await new Reporting(server.api).tell(report("first", "a2"));
    const reporting = new Reporting(server.api);
    await reporting.tell(report("first"));
    expect(conditionsOf(server)).toContainEqual(expect.stringMatching(/^Contested=True/));
    await reporting.follow(report("first"));
    expect(conditionsOf(server)).toContainEqual(expect.stringMatching(/^Contested=False/));
  });

  for (const known of ["zeroth", "first"]) {
    test(`of an earlier boot that comes late leaves the boot, told over "${known}"`, async () => {
      const server = new HostServer({ agent: "a1", boot: known });
      server.isSlow = true;
      await new Reporting(server.api).follow(report("first"));
      server.isSlow = false;
      await new Reporting(server.api).follow(report("second"));
      server.patch(server.patches[0]!);
      expect(server.host.status.boot).toBe("second");
    });
  }

  test("of a boot that is not known is refused where another came first", async () => {
    const server = new HostServer({ agent: "a1", boot: "first" });
    const read = server.host;
    const api = client(async (_path, request) =>
      request.method === "PATCH" ? server.patch(request) : Response.json(read),
    );
    await new Reporting(server.api).follow(report("second"));
    await expect(new Reporting(api).follow(report("third"))).rejects.toMatchObject({ code: 409 });
    expect(server.host.status.boot).toBe("second");
  });

  test("tells of a disk that takes nothing, then that it is over, and of a good one not", async () => {
    const server = new HostServer(serving);
    const reporting = new Reporting(server.api);
    await reporting.tell(report("first"));
    expect(conditionsOf(server)).toHaveLength(1);
    await reporting.tell({ ...report("first"), failure: "it is full" } as never);
    expect(conditionsOf(server)).toContainEqual(
      expect.stringMatching(/^DiskPressure=True .*it is full$/),
    );
    await reporting.tell(report("first"));
    expect(conditionsOf(server)).toContainEqual(expect.stringMatching(/^DiskPressure=False /));
    expect(server.host.status.failure).toBeUndefined();
  });

  test("tells of hosts that are not reached, then that all are", async () => {
    const server = new HostServer(serving);
    const reporting = new Reporting(server.api);
    const unreached = 'network "default/blue" does not reach host "b": why';
    await reporting.tell({ ...report("first"), unreached } as never);
    expect(conditionsOf(server)).toContainEqual(
      expect.stringMatching(/^NetworkUnavailable=True .*host "b": why$/),
    );
    await reporting.tell(report("first"));
    expect(conditionsOf(server)).toContainEqual(
      expect.stringMatching(/^NetworkUnavailable=False /),
    );
  });

  test("of one that was called off leaves the boot that it was called off in", async () => {
    const metadata = {
      deletionTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "netloom.dev/over": "first" },
    };
    const server = new HostServer(serving, metadata);
    expect(await new Reporting(server.api).follow(report("second"))).toContain("another boot");
    expect(server.host.status).toEqual(serving);
  });
});
