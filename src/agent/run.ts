/** An agent from its settings to its end. */
import { hostname, release } from "node:os";
import type { AgentRequest } from "../cni/agent-protocol.ts";
import { answer } from "../cni/run.ts";
import { agentSocket } from "../engine/agent-files.ts";
import { bootId } from "../engine/boot.ts";
import { sha256 } from "../engine/names.ts";
import { instancePaths } from "../engine/paths.ts";
import { ResidentEngine } from "../engine/resident.ts";
import { removeSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";
import { Addresses } from "./addresses/addresses.ts";
import { BlockFolder } from "./addresses/block-folder.ts";
import { shortSubnets } from "./addresses/stock.ts";
import type { Agent } from "./agent.ts";
import { apiOf, isAway, isOvertaken } from "./api.ts";
import { Aside } from "./aside.ts";
import { HostBgp } from "./bgp/host-bgp.ts";
import { bgpReport } from "./bgp/report.ts";
import { Cleaning } from "./cleaning.ts";
import { ControlLink } from "./control-link.ts";
import type { CredentialFiles } from "./credentials.ts";
import { damageOf } from "./damage.ts";
import { noteFaults } from "./faults.ts";
import { Followed } from "./followed.ts";
import { heedChanges } from "./heed.ts";
import { agentIdentity } from "./identity.ts";
import { cleanUp, reconcile, run, undoUnfinished } from "./loop.ts";
import { unreachedOverlays } from "./overlay/encryption.ts";
import { followOverlays } from "./overlay/follow.ts";
import { Overlays } from "./overlay/overlays.ts";
import { OwnAddresses } from "./own-addresses.ts";
import { atMost, Patience } from "./patience.ts";
import { agentPlugin } from "./plugin.ts";
import { PortRecords } from "./port-records.ts";
import { KeyedQueue } from "./queue.ts";
import { Repairs } from "./repairs.ts";
import { reportHost } from "./report/host-report.ts";
import { Reporter } from "./report/reporter.ts";
import { Vigil } from "./report/vigil.ts";
import { RoutesBetweenHosts } from "./routed/between-hosts.ts";
import { Sole } from "./routed/sole.ts";
import { lockDir, sayReached, sayWho } from "./run-dir.ts";
import { Serving } from "./serving.ts";
import { SilentHosts } from "./silent-hosts.ts";
import { AgentServer } from "./socket/server.ts";
import { followSpec, Renewal } from "./spec/feed.ts";
import { NodeSpec } from "./spec/node-spec.ts";
import { SpecFolder } from "./spec/spec-folder.ts";
import { Ticker } from "./ticker.ts";
import { OpenVxlanGuard } from "./vxlan-guard/open-vxlan-guard.ts";
import { OpenTunnel } from "./wireguard/open-tunnel.ts";

export interface AgentSettings {
  /** This host's name in the API. */
  readonly host: string;
  /**
   * The only server of its store is in this process: a boot before this one is over, so after a
   * reboot nothing has to be waited for.
   */
  readonly isBesideStore?: boolean;
  /** In the order in which they are tried. */
  readonly servers: readonly string[];
  readonly credentials: CredentialFiles;
  readonly stateDir: string;
  readonly runDir: string;
  /** Netloom's. */
  readonly version: string;
  readonly log: Log;
}

export interface RunningAgent {
  /** Finishes what is under way and ends. Containers keep their networks. */
  stop(): Promise<void>;
}

const usualStateDir = "/var/lib/netloom";
const heartbeatMs = 10_000;
/** How often an agent that does not serve looks whether it may. */
const contestMs = 5_000;
/** Also without a notice: what no notice tells of is found then. */
const loopPeriodMs = 10_000;
/** A look at everything takes a twentieth of the time at most. */
const lookPause = 20;
/** But it comes, also on a host where all takes long. */
const longestPauseMs = 60_000;
const retryMs = 500;
/** So long an agent that ends tries to tell what it has not told yet. */
const lastWordsMs = 2_000;

/** The agent's own among instances of the engine: its state directory tells it from others. */
export const instanceOf = (stateDir: string): string =>
  stateDir === usualStateDir ? "node" : `n${sha256(stateDir).slice(0, 7)}`;

/** What the API calls this machine unless told otherwise. */
export const usualHostName = (): string =>
  hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63) || "host";

/** Begins to serve. Throws TakenError, RangeError, FileError. */
export async function startAgent(settings: AgentSettings): Promise<RunningAgent> {
  const { host, log, runDir, stateDir } = settings;
  const held = new AsyncDisposableStack();
  try {
    held.use(await lockDir(runDir, "the run directory"));
    held.use(await lockDir(stateDir, "the state directory"));
    const instance = instanceOf(stateDir);
    const engine = held.use(
      new ResidentEngine({ paths: instancePaths(instance, { stateDir, runDir }) }),
    );
    const { paths } = engine;
    const parts = assemble(settings, engine);
    held.use(parts.sole);
    held.use(parts.between);
    held.use(parts.ownAddresses);
    held.use(parts.opened);
    held.use(parts.bgp);
    held.use(parts.guarding);
    sayWho(runDir, { version: 1, host, instance, stateDir: paths.stateDir, runDir: paths.runDir });
    held.use(parts.agent.overlays);
    parts.agent.overlays.load();
    await run(parts.agent, [undoUnfinished]);
    await begin(parts, settings, held);
    log({
      level: "info",
      event: "serving",
      host,
      instance,
      ports: parts.agent.records.here().length,
    });
    return { stop: () => held.disposeAsync() };
  } catch (error) {
    await held.disposeAsync();
    throw error;
  }
}

function assemble(settings: AgentSettings, engine: ResidentEngine) {
  const { paths } = engine;
  const { host, log, servers, credentials } = settings;
  const api = apiOf(servers, credentials, log);
  const spec = new NodeSpec();
  const folder = new SpecFolder(`${paths.stateDir}/spec`, log);
  const { objects, isComplete } = folder.load();
  spec.load(objects, isComplete);
  const control = new ControlLink(spec, folder, api);
  const incarnation = { agent: agentIdentity(paths.stateDir), boot: bootId() };
  const { boot } = incarnation;
  const opened = new OpenTunnel({ host, spec, log, engine });
  const queue = new KeyedQueue();
  const own = {
    overlays: new Overlays(engine, log),
    tunnel: opened.tunnel,
    ...{ host, engine, log, spec, control, patience: new Patience(Number.POSITIVE_INFINITY) },
    serving: new Serving(spec, host, incarnation),
    records: new PortRecords(`${paths.stateDir}/ports`, log),
    addresses: new Addresses(new BlockFolder(`${paths.stateDir}/blocks`, log), { spec, boot }),
    queue,
    followed: new Followed(),
    faults: new Map<string, string>(),
    silent: new SilentHosts({ spec, log }),
    aside: new Aside(queue, (error) =>
      log({ level: "error", event: "loop failed", error: String(error) }),
    ),
  };
  const reporter = new Reporter(own, api);
  const report = async () => ((await reporter.report()) ? heartbeatMs : retryMs);
  const telling = ticker("report", report, log);
  const repairs = new Repairs(engine, log);
  const allRepairs = () => [repairs, ...own.overlays.all().map((overlay) => overlay.repairs)];
  const changed = () => {
    for (const one of allRepairs()) one.attachmentsChanged();
    // The runtime gets its answer first.
    setImmediate(() => telling.nudge());
  };
  const agent: Agent = { ...own, ports: reporter, changed };
  const ownAddresses = new OwnAddresses(agent);
  const sole = new Sole();
  const isSole = () => sole.isTaken();
  const bgp = new HostBgp(agent, isSole);
  const between = new RoutesBetweenHosts(agent, { learnt: bgp, isSole });
  bgp.onNews = () => between.ticker.nudge();
  const guarding = new OpenVxlanGuard({ ...agent, between });
  const parts = { agent, control, api, report, telling, repairs, allRepairs, folder };
  return { ...parts, between, bgp, guarding, sole, opened, ownAddresses };
}

async function begin(
  parts: ReturnType<typeof assemble>,
  settings: AgentSettings,
  held: AsyncDisposableStack,
): Promise<void> {
  const { agent, control, api, report, telling, repairs, between, bgp, guarding } = parts;
  const { host, log, runDir, servers } = settings;
  const cleaning = new Cleaning();
  const sweeping = ticker("clean", () => cleaning.sweep(() => run(agent, [cleanUp])), log);
  const loop = loopTicker(agent, { cleaning, sweeping });
  const looking = lookTicker(parts, log);
  const joining = overlayTicker(agent);
  const heart = heartOf(parts, settings);
  control.onWant = () => heart.nudge();
  control.onReached = (isReached) => sayReached(runDir, { servers, isReached }, log);
  control.onReached(false);
  repairs.onLook = (report, foundBy) => noteFaults(agent, report, { isWhole: foundBy === "pass" });
  heedChanges({ ...parts, loop, heart, cleaning });
  const repairing = repairs.follow();
  agent.overlays.watch();
  const ended = new AbortController();
  const renewal = new Renewal();
  const { signal } = ended;
  const following = followSpec(api, host, { events: control, log, signal, renewal });
  parts.ownAddresses.onMoved = () => {
    renewal.renew();
    heart.nudge();
    telling.nudge();
  };
  const server = new AgentServer((request) => serve(agent, request), log);
  // Last in, first out: no more calls, no more passes, the last words, then the feed.
  held.defer(async () => {
    ended.abort();
    repairs.stop();
    await Promise.all([following, repairing]);
    parts.folder.close();
  });
  held.defer(async () => {
    // What the loop left to go on beside.
    await agent.queue.idle();
    await atMost(lastWordsMs, report());
  });
  agent.silent.onChange = () => {
    agent.overlays.touchAll();
    between.ticker.nudge();
  };
  const beside = [agent.tunnel, between, bgp, agent.silent, guarding.guard];
  const own = [loop, joining, sweeping, looking, telling, heart];
  const tickers = [...own, ...beside.map((part) => part.ticker)];
  for (const ticker of tickers.toReversed()) {
    // A server that hangs would let each thing that is to be told wait.
    held.defer(() => (ticker === telling ? atMost(lastWordsMs, ticker.stop()) : ticker.stop()));
  }
  held.defer(async () => {
    removeSync(agentSocket({ runDir }));
    await server.close();
    await agent.queue.idle();
  });
  for (const ticker of tickers) ticker.start();
  await server.listen(agentSocket({ runDir }));
}

function loopTicker(
  agent: Agent,
  { cleaning, sweeping }: { readonly cleaning: Cleaning; readonly sweeping: Ticker },
): Ticker {
  const pass = async () => {
    if (await cleaning.after(() => reconcile(agent))) sweeping.nudge();
    return loopPeriodMs;
  };
  return ticker("loop", pass, agent.log);
}

/** Apart from the loop: a look at many attachments takes long, and no change must wait for it. */
function lookTicker({ agent, allRepairs }: ReturnType<typeof assemble>, log: Log): Ticker {
  const look = async () => {
    const begun = performance.now();
    await run(
      agent,
      allRepairs().map((one) => one.pass),
    );
    const pauseMs = lookPause * (performance.now() - begun);
    return Math.min(Math.max(loopPeriodMs, pauseMs), longestPauseMs);
  };
  return ticker("repairs", look, log);
}

function overlayTicker(agent: Agent): Ticker {
  const { overlays, log } = agent;
  const follow = async () => ((await followOverlays(agent)) ? loopPeriodMs : retryMs);
  const joining = ticker("overlays", follow, log, { isGentle: true });
  overlays.onNews = () => joining.nudge();
  overlays.onLook = (report, foundBy, overlay) =>
    noteFaults(agent, report, { isWhole: foundBy === "pass", overlay });
  return joining;
}

/** Answers a plugin. */
function serve(agent: Agent, { env, stdin, again = false, withinMs }: AgentRequest) {
  const asked = { again, patience: new Patience(withinMs) };
  return answer(
    { type: "netloom", load: async () => agentPlugin(agent, asked) },
    { env, stdin: () => stdin, log: agent.log },
  );
}

const ticker = (
  what: string,
  work: () => Promise<number>,
  log: Log,
  options: { readonly isGentle?: boolean } = {},
): Ticker => {
  const tell = (error: unknown) =>
    log({ level: "error", event: "work failed", what, error: String(error) });
  return new Ticker(work, tell, options);
};

/** More would fill the condition. */
const mostUnreached = 5;

function troublesOf(routed: string | undefined, overlays: readonly string[]): string | undefined {
  const told = overlays.slice(0, mostUnreached);
  if (overlays.length > told.length) told.push(`and ${overlays.length - told.length} more`);
  const all = [...(routed === undefined ? [] : [routed]), ...told];
  return all.length === 0 ? undefined : all.join("; ");
}

/** Tells that the host is alive, and what it has. */
function heartOf(
  parts: ReturnType<typeof assemble>,
  { host, version, log, isBesideStore }: AgentSettings,
): Ticker {
  const { agent, control, api, allRepairs, folder, between, bgp, ownAddresses } = parts;
  const vigil = new Vigil();
  const repairsMade = () => allRepairs().reduce((sum, { count }) => sum + count, 0);
  let isRefused = false;
  const beat = async () => {
    const wantedBlocks = [...new Set([...control.wanted, ...shortSubnets(agent)])];
    const ports = agent.records.here().length;
    folder.retry();
    const failure = folder.failure ?? agent.addresses.retry();
    const damage = damageOf(agent);
    const unreached = troublesOf(between.trouble, unreachedOverlays(agent));
    const troubles = {
      ...(unreached !== undefined && { unreached }),
      ...(failure !== undefined && { failure }),
      ...(damage !== undefined && { damage }),
      ...bgpReport(bgp.status),
    };
    const counted = { ports, repairs: repairsMade(), wantedBlocks };
    const told = { version, kernel: release(), ...agent.serving.own, ...counted, ...troubles };
    try {
      const { addresses, underlay, missing } = await ownAddresses.now();
      const { publicKey } = agent.tunnel;
      const own = { addresses, underlay, missing, ...(publicKey !== undefined && { publicKey }) };
      const clocks = { now: new Date(), nowMs: performance.now(), vigil, isBesideStore };
      const { refusal, revision } = await reportHost(api, { host, ...told, ...own }, clocks);
      if (revision !== undefined) agent.addresses.passed(revision);
      if (refusal !== undefined && !isRefused) {
        log({ level: "warn", event: "not serving", error: refusal });
      } else if (refusal === undefined && isRefused) {
        log({ level: "info", event: "serving host", host });
      }
      isRefused = refusal !== undefined;
      return isRefused ? contestMs : heartbeatMs;
    } catch (error) {
      const level = isAway(error) || isOvertaken(error) ? "debug" : "warn";
      log({ level, event: "heartbeat failed", error: (error as Error).message });
      return 2 * retryMs;
    }
  };
  return ticker("heartbeat", beat, log);
}
