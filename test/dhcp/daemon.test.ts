/** The daemon: begun on demand, by systemd or by hand; one alone; killed, idle, its disk full. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { referenceDir, root } from "../support/reference.ts";
import { type Beside, DhcpStage, isRunning, macvlan, netnsPath, prefix, until } from "./stage.ts";

let stage: DhcpStage;
let server: Beside;
beforeEach(async () => {
  stage = await DhcpStage.create();
  const netns = await stage.addOther(`${prefix}.1/24`);
  const pool = Array.from({ length: 60 }, (_, i) => `${prefix}.${50 + i}`);
  server = await stage.server(netns, { server: `${prefix}.1`, pool, lease: 60, t1: 3, t2: 40 });
}, 60_000);
afterEach(() => stage?.host.remove());

const netloom = join(root, "dist/netloom");
const leaseFiles = () => {
  const folder = join(stage.host.dir, "state/dhcp");
  return existsSync(folder) ? readdirSync(folder) : [];
};

async function added(config: object = macvlan()): Promise<{ container: string; json: any }> {
  const container = await stage.host.addContainer();
  const { json, ok, stdout } = await stage.call("ADD", container, config);
  if (!ok) throw new Error(stdout);
  return { container, json };
}

function pidOfDaemon(): number {
  return Number.parseInt(readFileSync(join(stage.host.dir, "run/dhcp.lock"), "utf8"), 10);
}

test("the first ADD begins it, free of its caller: no descriptor, session or folder of that one", async () => {
  await added();
  const pid = pidOfDaemon();
  const proc = (name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8");
  expect(proc("stat").split(") ")[1]!.split(" ")[3]).toBe(String(pid));
  expect(proc("environ")).not.toContain("CNI_");
  expect(statSync(stage.socket).mode & 0o777).toBe(0o600);
  const open = await stage.host.shell(`ls -l /proc/${pid}/fd; readlink /proc/${pid}/cwd`);
  expect(open).not.toContain("pipe:");
  expect(open).toEndWith("\n/\n");
  const [file] = leaseFiles();
  expect(statSync(join(stage.host.dir, "state/dhcp", file!)).mode & 0o777).toBe(0o600);
}, 60_000);

test("killed at any time it loses no lease: the next begins where it ended, and renews in time", async () => {
  const { container, json } = await added();
  const ip = json.ips[0].address.split("/")[0];
  for (let i = 0; i < 3; i++) {
    const before = server.events.filter(({ from }) => from === ip).length;
    stage.killDaemon();
    await stage.daemon();
    expect((await stage.leases())[0].lease.ips[0].address).toBe(`${ip}/24`);
    await until("a renewal", () => server.events.filter(({ from }) => from === ip).length > before);
  }
  expect(await stage.addresses(container)).toEqual([`${ip}/24`]);
  stage.killDaemon();
  expect((await stage.call("DEL", container, macvlan())).ok).toBe(true);
  await until("the release", () => server.events.at(-1)?.type === "RELEASE");
  expect(leaseFiles()).toEqual([]);
}, 60_000);

test("fifty containers at once get fifty leases, and give them all back", async () => {
  const containers = await Promise.all(Array.from({ length: 50 }, () => stage.host.addContainer()));
  const answers = await Promise.all(containers.map((each) => stage.call("ADD", each, macvlan())));
  expect(answers.filter(({ ok }) => !ok).map(({ stdout }) => stdout)).toEqual([]);
  const given = answers.map(({ json }) => json.ips[0].address);
  expect(new Set(given).size).toBe(50);
  expect(leaseFiles()).toHaveLength(50);
  const status = readFileSync(`/proc/${pidOfDaemon()}/status`, "utf8");
  const residentMiB = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  expect(residentMiB).toBeLessThan(150);
  const renewals = () =>
    new Set(server.events.filter(({ ciaddr }) => ciaddr !== "0.0.0.0").map(({ from }) => from));
  const said = () => ` ${renewals().size}: ${JSON.stringify(stage.log.slice(-100))}`;
  await until("fifty renewals", () => renewals().size >= 50, { patienceMs: 60_000, said });
  // Between transactions it holds no socket of any namespace.
  await until("few descriptors", () => readdirSync(`/proc/${pidOfDaemon()}/fd`).length < 20);
  const gone = await Promise.all(containers.map((each) => stage.call("DEL", each, macvlan())));
  expect(gone.every(({ ok }) => ok)).toBe(true);
  await until(
    "fifty releases",
    () => server.events.filter(({ type }) => type === "RELEASE").length === 50,
  );
  expect(leaseFiles()).toEqual([]);
}, 120_000);

test("one alone serves a run directory; the second says so, and one on demand is silent", async () => {
  await stage.daemon();
  const second = await stage.host.run([netloom, "dhcp"], { env: stage.env });
  expect(second.status).toBe(1);
  expect(second.stderr).toContain("Another DHCP daemon serves");
  const onDemand = await stage.host.run([netloom, "dhcp", "--on-demand"], { env: stage.env });
  expect([onDemand.status, onDemand.stderr]).toEqual([0, ""]);
}, 60_000);

test("ended by a signal it leaves leases, and no socket or pid file; idle it ends by itself", async () => {
  const pidFile = join(stage.host.dir, "pid");
  const daemon = await stage.daemon("-pidfile", pidFile, "--exit-when-idle", "1s");
  expect(readFileSync(pidFile, "utf8")).toBe(String(daemon.pid));
  const { container } = await added();
  await Bun.sleep(1500);
  expect(isRunning(daemon.pid)).toBe(true);
  await daemon.end("SIGTERM");
  expect([existsSync(stage.socket), existsSync(pidFile)]).toEqual([false, false]);
  expect(leaseFiles()).toHaveLength(1);
  const next = await stage.daemon("--exit-when-idle", "500ms");
  await stage.call("DEL", container, macvlan());
  expect(await next.exited()).toBe(0);
  expect(existsSync(stage.socket)).toBe(false);
}, 60_000);

/** As systemd does: a listening socket as descriptor 3, passed to this process. */
const activate = `
import os, socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(5)
if s.fileno() != 3: os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
`;

test("it serves a socket that systemd opened, and leaves that to systemd", async () => {
  const argv = ["python3", "-c", activate, stage.socket, netloom, "dhcp", "--exit-when-idle", "1s"];
  const daemon = stage.run(argv, stage.host.netns, stage.env);
  await until("the daemon", () => daemon.text.includes('"serving"'));
  expect(daemon.events.find(({ event }) => event === "serving").sockets).toEqual([stage.socket]);
  const { container } = await added();
  expect(pidOfDaemon()).toBe(daemon.pid);
  await stage.call("DEL", container, macvlan());
  expect(await daemon.exited()).toBe(0);
  expect(existsSync(stage.socket)).toBe(true);
}, 60_000);

test("where one runs, systemd's takes its place with its leases", async () => {
  const first = await added();
  const begun = pidOfDaemon();
  rmSync(stage.socket);
  const argv = ["python3", "-c", activate, stage.socket, netloom, "dhcp"];
  const daemon = stage.run(argv, stage.host.netns, stage.env);
  await until("the daemon", () => daemon.text.includes('"serving"'));
  await until("the other's end", () => !isRunning(begun));
  expect(existsSync(stage.socket)).toBe(true);
  const second = await added();
  expect(pidOfDaemon()).toBe(daemon.pid);
  const holders = (await stage.leases()).map(({ holder }) => holder.containerId);
  expect(holders.sort()).toEqual([first.container, second.container].sort());
  await daemon.end("SIGTERM");
}, 60_000);

test("begun as the reference's it listens where that does, or where told, for plugins told the same", async () => {
  const dhcp = join(root, "dist/cni/dhcp");
  const path = join(stage.host.dir, "deep/own.sock");
  const words = [
    "daemon",
    "-socketpath",
    path,
    "-pidfile",
    join(stage.host.dir, "pid"),
    "-broadcast=true",
    "-timeout",
    "10s",
    "-resendmax",
    "30s",
  ];
  const daemon = stage.run([dhcp, ...words], stage.host.netns, stage.env);
  await until("the daemon", () => daemon.text.includes('"serving"'));
  await added(macvlan({ daemonSocketPath: path }));
  expect(server.events.find(({ type }) => type === "DISCOVER")).toBeDefined();
  expect(await stage.leases()).toHaveLength(1);
  await daemon.end("SIGTERM");
  expect(existsSync(path)).toBe(false);
  const usual = stage.run([dhcp, "daemon"], stage.host.netns, stage.env);
  await until("the daemon", () => usual.text.includes('"serving"'));
  expect(usual.text).toContain('"/run/cni/dhcp.sock"');
  await usual.end("SIGTERM");
  expect(existsSync("/run/cni/dhcp.sock")).toBe(false);
}, 60_000);

test("the reference's daemon in our place is passed over, and one of ours begun", async () => {
  const path = join(stage.host.dir, "reference.sock");
  const argv = [join(referenceDir("1.9.1"), "dhcp"), "daemon", "-socketpath", path];
  stage.run(argv, stage.host.netns);
  await until("the reference's daemon", () => existsSync(path));
  await added(macvlan({ daemonSocketPath: path }));
  expect(await stage.leases()).toHaveLength(1);
}, 60_000);

test("the reference's macvlan gets its addresses from our dhcp plugin", async () => {
  const dir = join(stage.host.dir, "bin");
  await stage.host.shell(
    `mkdir ${dir}; ln -s ${root}/dist/netloom ${dir}/dhcp; ln -s ${referenceDir("1.9.1")}/macvlan ${dir}/bridge; ln -s ${referenceDir("1.9.1")}/macvlan ${dir}/macvlan`,
  );
  const container = await stage.host.addContainer();
  const more = { plugins: dir };
  const add = await stage.call("ADD", container, macvlan(), more);
  expect(add.json?.ips?.[0]?.address).toBe(`${prefix}.50/24`);
  const prevResult = { ...macvlan(), prevResult: add.json };
  expect((await stage.call("CHECK", container, prevResult, more)).stdout).toBe("");
  expect((await stage.call("DEL", container, prevResult, more)).stdout).toBe("");
  await until("the release", () => server.events.at(-1)?.type === "RELEASE");
}, 60_000);

test("a lease whose namespace has gone is dropped, at once when the daemon begins anew", async () => {
  const { container } = await added();
  stage.killDaemon();
  await stage.host.shell(`ip netns del ${container}; ip netns add ${container}`);
  const daemon = await stage.daemon();
  expect(daemon.text).toContain('"lease dropped"');
  expect(leaseFiles()).toEqual([]);
  expect((await stage.call("DEL", container, macvlan())).ok).toBe(true);
}, 60_000);

test("a lease whose namespace goes while it is held is dropped when it is due", async () => {
  const { container } = await added();
  await stage.host.shell(`ip netns del ${container}`);
  await until("the end of it", () => stage.log.some(({ event }) => event === "lease dropped"));
  expect(leaseFiles()).toEqual([]);
}, 60_000);

test("files that are no leases are told of and go; leases beside them stay", async () => {
  await added();
  stage.killDaemon();
  const folder = join(stage.host.dir, "state/dhcp");
  const [name] = leaseFiles();
  const good = readFileSync(join(folder, name!), "utf8");
  const bad: Record<string, string> = {
    "0000000000000000.v4.json": "",
    "1111111111111111.v4.json": good,
    "2222222222222222.v4.json": good.slice(0, 100),
    "3333333333333333.v4.json": "[]",
    "4444444444444444.v6.json": '{"version":1}',
    "5555555555555555.v4.json.new": good,
    noise: "\0\xff{",
  };
  for (const [file, text] of Object.entries(bad)) writeFileSync(join(folder, file), text);
  const daemon = await stage.daemon();
  expect(daemon.events.filter(({ event }) => event === "lease file unreadable")).toHaveLength(7);
  expect(leaseFiles()).toEqual([name!]);
  expect(await stage.leases()).toHaveLength(1);
}, 60_000);

test("a lease that the disk has no room for is given back, and ADD says why", async () => {
  const { dir } = stage.host;
  await stage.host.shell(`mkdir -p ${dir}/state/dhcp`);
  // A mount that the plugins see too is made in the runner's own mount namespace.
  await stage.host.shell(`mount -t tmpfs -o size=4k,nr_inodes=3 full ${dir}/state/dhcp`);
  try {
    await stage.daemon();
    await stage.host.shell(`head -c 4096 /dev/zero > ${dir}/state/dhcp/ballast`);
    const container = await stage.host.addContainer();
    const { json } = await stage.call("ADD", container, macvlan());
    expect(json.code).toBe(5);
    expect(json.msg).toContain("the disk is full");
    await until("the release", () => server.events.at(-1)?.type === "RELEASE");
    expect(await stage.host.shell("ip -o link", container)).not.toContain("eth0");
    await stage.host.shell(`rm ${dir}/state/dhcp/ballast`);
    expect((await stage.call("ADD", container, macvlan())).ok).toBe(true);
  } finally {
    stage.killDaemon();
    await stage.host.shell(`umount -l ${dir}/state/dhcp`);
  }
}, 60_000);

test("who no longer waits for a lease gets none, and its server's is given back", async () => {
  server.say("silent");
  const container = await stage.host.addContainer();
  const adding = Bun.spawn(
    ["nsenter", `--net=${netnsPath(stage.host.netns)}`, join(root, "dist/cni/macvlan")],
    {
      env: {
        ...process.env,
        ...stage.env,
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: container,
        CNI_NETNS: netnsPath(container),
        CNI_IFNAME: "eth0",
        CNI_PATH: join(root, "dist/cni"),
      },
      stdin: Buffer.from(JSON.stringify(macvlan())),
      stdout: "ignore",
    },
  );
  await until("a question", () => server.events.some(({ type }) => type === "DISCOVER"));
  adding.kill("SIGKILL");
  await until("its end", () =>
    stage.log.some(({ error }) => String(error).includes("nobody waits")),
  );
  server.say("talk");
  expect((await stage.call("DEL", container, macvlan())).ok).toBe(true);
  expect((await stage.call("ADD", container, macvlan())).ok).toBe(true);
}, 60_000);

test("GC gives back what is not listed; STATUS passes with and without a daemon", async () => {
  expect((await stage.call("STATUS", "", macvlan())).stdout).toBe("");
  const kept = await added();
  const gone = await added();
  const valid = [{ containerID: kept.container, ifname: "eth0" }];
  const gc = await stage.call("GC", "", { ...macvlan(), "cni.dev/valid-attachments": valid });
  expect(gc.stdout).toBe("");
  expect((await stage.leases()).map(({ holder }) => holder.containerId)).toEqual([kept.container]);
  expect(await stage.host.shell("ip -o link", gone.container)).not.toContain("eth0");
  await until("the release", () => server.events.some(({ type }) => type === "RELEASE"));
  expect((await stage.call("STATUS", "", macvlan())).stdout).toBe("");
}, 60_000);
