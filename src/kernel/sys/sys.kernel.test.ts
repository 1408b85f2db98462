/** System calls of our own against the kernel: errors, locks that survive crashes, peers. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flock, recv, SysError, send, setNetns, socket } from "./libc.ts";
import { peerCredentials } from "./peer.ts";

const directory = mkdtempSync(join(tmpdir(), "nltest-sys-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function refused(work: () => unknown): SysError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SysError);
    return error as SysError;
  }
  throw new Error("nothing was refused");
}

test("a failed call tells its name and errno", () => {
  expect(refused(() => socket(999, 1, 0))).toMatchObject({
    call: "socket",
    errno: 97,
    code: "EAFNOSUPPORT",
    message: "socket: EAFNOSUPPORT",
  });
  expect(refused(() => setNetns(-1)).code).toBe("EBADF");
  expect(refused(() => send(-1, new Uint8Array(1))).code).toBe("EBADF");
  expect(refused(() => recv(-1, new Uint8Array(1))).code).toBe("EBADF");
});

test("sockets are closed in programs that we start", () => {
  const fd = socket(1, 1, 0);
  const flags = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  closeSync(fd);
  const closeOnExec = 0o2000000;
  expect(Number.parseInt(/flags:\s*(\d+)/.exec(flags)![1]!, 8) & closeOnExec).toBe(closeOnExec);
});

/** A process that takes the lock, says so, and keeps it. */
async function holder(path: string): Promise<Bun.Subprocess<"ignore", "pipe", "inherit">> {
  const script = `
    import { openSync } from "node:fs";
    import { flock } from "${import.meta.dir}/libc.ts";
    flock(openSync(${JSON.stringify(path)}, "a"), "exclusive");
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("locked\n");
  return child;
}

test("a lock is refused while another process holds it, and free once that is killed", async () => {
  const path = join(directory, "lock");
  const child = await holder(path);
  const fd = openSync(path, "a");
  try {
    expect(refused(() => flock(fd, "tryExclusive")).code).toBe("EAGAIN");
    child.kill("SIGKILL");
    // Waits in the kernel: returns only because the dead process's lock is gone.
    flock(fd, "exclusive");
    const other = openSync(path, "a");
    expect(refused(() => flock(other, "tryExclusive")).code).toBe("EAGAIN");
    flock(fd, "unlock");
    flock(other, "tryExclusive");
    closeSync(other);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    closeSync(fd);
  }
});

test("readers share a lock and keep a writer out", () => {
  const path = join(directory, "shared");
  const [one, two, writer] = [openSync(path, "a"), openSync(path, "a"), openSync(path, "a")];
  flock(one, "shared");
  flock(two, "shared");
  expect(refused(() => flock(writer, "tryExclusive")).code).toBe("EAGAIN");
  closeSync(one);
  expect(refused(() => flock(writer, "tryExclusive")).code).toBe("EAGAIN");
  closeSync(two);
  flock(writer, "tryExclusive");
  closeSync(writer);
});

test("a server knows the process, user and group at the other end of its Unix socket", async () => {
  const path = join(directory, "peer.sock");
  const seen = Promise.withResolvers<ReturnType<typeof peerCredentials>>();
  using server = Bun.listen({
    unix: path,
    socket: {
      open: (connection) => {
        try {
          seen.resolve(peerCredentials((connection as unknown as { fd: number }).fd));
        } catch (error) {
          seen.reject(error);
        }
      },
      data: () => {},
    },
  });
  expect(server).toBeDefined();
  chmodSync(directory, 0o755);
  chmodSync(path, 0o777);
  const script = `
    import net from "node:net";
    net.connect(${JSON.stringify(path)}, () => setTimeout(() => {}, 1000));`;
  // Another user than ours: the answer is the kernel's, not a default.
  const child = Bun.spawn(
    ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", process.execPath, "-e", script],
    { stdout: "ignore", stderr: "inherit", env: { ...process.env, HOME: directory } },
  );
  try {
    const timeout = Bun.sleep(20_000).then(() => "no connection");
    expect(await Promise.race([seen.promise, timeout])).toEqual({
      pid: child.pid,
      uid: 65534,
      gid: 65533,
    });
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});
