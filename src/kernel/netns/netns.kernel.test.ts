/** Network namespaces, judged by `ip netns` and by /proc. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostNetns } from "../../model/kernel-object.ts";
import { getLink } from "../netlink/link-info.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import {
  createNetns,
  inNetns,
  inNetnsFd,
  isOwnNetns,
  NetnsError,
  namedNetnsDir,
  openNetns,
  removeNetns,
} from "./netns.ts";
import { ScratchNetns } from "./scratch.ts";

const where = () => readlinkSync("/proc/thread-self/ns/net");

function refused(work: () => unknown): NetnsError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(NetnsError);
    return error as NetnsError;
  }
  throw new Error("nothing was refused");
}

test("a named namespace is one that `ip netns` knows, until it is removed", () => {
  const name = `nltest-${process.pid}-named`;
  const path = `${namedNetnsDir}/${name}`;
  const names = () => Bun.spawnSync(["ip", "netns", "list"]).stdout.toString();
  createNetns(path);
  try {
    expect(names()).toContain(name);
    const shown = Bun.spawnSync(["ip", "-n", name, "-j", "link"]).stdout.toString();
    expect(JSON.parse(shown).map((link: { ifname: string }) => link.ifname)).toEqual(["lo"]);
  } finally {
    removeNetns(path);
  }
  expect(names()).not.toContain(name);
  expect(existsSync(path)).toBe(false);
});

test("a namespace can be bound to any path, whose directory is made", () => {
  const directory = mkdtempSync(join(tmpdir(), "netns-"));
  const path = join(directory, "deep", "er", "blue");
  try {
    createNetns(path);
    const inside = inNetns(path, where);
    expect(inside).not.toBe(where());
    expect(
      Bun.spawnSync(["nsenter", `--net=${path}`, "readlink", "/proc/self/ns/net"])
        .stdout.toString()
        .trim(),
    ).toBe(inside);
    removeNetns(path);
    expect(existsSync(path)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("creating where a file is already fails and leaves the file and the thread alone", () => {
  const directory = mkdtempSync(join(tmpdir(), "netns-"));
  const path = join(directory, "taken");
  const home = where();
  try {
    writeFileSync(path, "mine");
    const error = refused(() => createNetns(path));
    expect(error.message).toBe(`Cannot create network namespace "${path}": it exists already`);
    expect(existsSync(path)).toBe(true);
    expect(where()).toBe(home);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("removing a namespace that is not there succeeds", () => {
  removeNetns(`${namedNetnsDir}/nltest-${process.pid}-never`);
});

test("work runs inside, one inside another, and comes back even when it throws", () => {
  using one = new ScratchNetns("in");
  using two = new ScratchNetns("in");
  const home = where();
  const seen = inNetns(one.path, () => [where(), inNetns(two.path, where), where()]);
  expect(new Set([home, ...seen]).size).toBe(3);
  expect(seen[0]).toBe(seen[2]!);
  expect(where()).toBe(home);
  expect(() =>
    inNetns(one.path, () => {
      throw new Error("boom");
    }),
  ).toThrow("boom");
  expect(where()).toBe(home);
  expect(inNetns(hostNetns, where)).toBe(home);
});

test("an open descriptor leads inside after the name is gone", () => {
  const netns = new ScratchNetns("fd");
  const fd = openNetns(netns.path);
  const inside = inNetns(netns.path, where);
  netns[Symbol.dispose]();
  expect(inNetnsFd(fd, where)).toBe(inside);
});

test("a file that is no namespace is refused, and the thread stays", () => {
  const home = where();
  for (const work of [
    () => inNetns("/etc/hostname", where),
    () => new NetlinkSocket("route", "/etc/hostname"),
    () => inNetns("/proc/self/ns/uts", where),
  ]) {
    expect(refused(work).message).toMatch(/Cannot enter .* it is no network namespace/);
    expect(where()).toBe(home);
  }
});

test("a socket keeps its namespace when the thread is elsewhere", () => {
  using netns = new ScratchNetns("socket");
  netns.run("ip", "link", "add", "marker", "type", "veth");
  using inside = new NetlinkSocket("route", netns.path);
  using same = inNetns(netns.path, () => new NetlinkSocket("route"));
  using outside = inNetns(netns.path, () => new NetlinkSocket("route", hostNetns));
  using host = new NetlinkSocket("route");
  for (const socket of [inside, same, outside]) {
    expect(getLink(socket, { name: "marker" })).toMatchObject({ kind: "veth" });
  }
  expect(getLink(host, { name: "marker" })).toBeUndefined();
});

test("our own namespace is recognised under every name it has", () => {
  using netns = new ScratchNetns("own");
  const own = ["/proc/self/ns/net", `/proc/${process.pid}/ns/net`, hostNetns];
  expect(own.map(isOwnNetns)).toEqual([true, true, true]);
  expect(isOwnNetns(netns.path)).toBe(false);
  expect(refused(() => isOwnNetns("/nowhere")).code).toBe("ENOENT");
});

/** The threads that a process of its own finds astray after it has run `code` on `path`. */
function straysAfter(path: string, code: string): { name: string; netns: string }[] {
  const script = `
    import { createNetns, inNetns, removeNetns } from "${import.meta.dir}/netns.ts";
    import { strayThreads } from "${import.meta.dir}/stray-threads.ts";
    import { listLinks } from "${import.meta.dir}/../netlink/link-info.ts";
    import { NetlinkSocket } from "${import.meta.dir}/../netlink/socket.ts";
    import { readSysctls } from "${import.meta.dir}/../sysctl/sysctl.ts";
    const path = ${JSON.stringify(path)};
    ${code}
    console.log(JSON.stringify(strayThreads()));
    process.exit();`;
  // A file, not `-e`: there the engine compiles nothing, and starts no threads.
  const directory = mkdtempSync(join(tmpdir(), "netns-"));
  try {
    const file = join(directory, "strays.ts");
    writeFileSync(file, script);
    const result = Bun.spawnSync([process.execPath, file]);
    expect(result.stderr.toString()).toBe("");
    return JSON.parse(result.stdout.toString());
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("no thread is left in a namespace after thousands of sockets and files were opened there", () => {
  using netns = new ScratchNetns("threads");
  // Hot code and garbage between: both make the engine start threads of its own.
  const work = `
    for (let round = 0; round < 3000; round++) {
      using socket = new NetlinkSocket("route", path);
    }
    for (let round = 0; round < 3000; round++) {
      readSysctls(path, ["net/ipv4/ip_forward", "net/nowhere"]);
    }
    let garbage = [];
    for (let round = 0; round < 300; round++) {
      using socket = new NetlinkSocket("route", path);
      garbage.push(listLinks(socket));
      if (garbage.length > 100) garbage = [];
    }
    await Promise.all(Array.from({ length: 8 }, () => Bun.file("/proc/self/status").text()));
    for (let round = 0; round < 50; round++) {
      createNetns(path + "-made");
      removeNetns(path + "-made");
    }`;
  expect(straysAfter(netns.path, work)).toEqual([]);
});

test("the audit finds a thread that was born inside", () => {
  using netns = new ScratchNetns("stray");
  const work = `
    inNetns(path, () => void new Worker("data:text/javascript,setTimeout(() => {}, 60000)"));
    const deadline = Date.now() + 5000;
    while (strayThreads().length === 0 && Date.now() < deadline) await Bun.sleep(10);`;
  const inside = inNetns(netns.path, where);
  expect(straysAfter(netns.path, work).map((thread) => thread.netns)).toContain(inside);
});
