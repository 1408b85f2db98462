/** Unix sockets of server and agent: for root alone, by their mode and by the kernel's word. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentServer } from "../../src/agent/socket/server.ts";
import { silentLog } from "../../src/lib/log.ts";
import { a } from "./cases.ts";
import { World } from "./world.ts";

/** What another user is answered who sends this to a socket, or why he can't. */
async function asAnother(path: string, text: string): Promise<string> {
  const script = `const socket = require("node:net").connect(${JSON.stringify(path)}, () => {
    socket.write(${JSON.stringify(text)});
  });
  socket.on("data", (data) => process.stdout.write(data));
  socket.on("error", ({ code }) => process.stdout.write(code));`;
  const home = mkdtempSync(join(tmpdir(), "netloom-another-"));
  chmodSync(home, 0o777);
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const child = Bun.spawn([...user, process.execPath, "-e", script], {
    ...{ stdout: "pipe", stderr: "inherit", env: { ...process.env, HOME: home } },
  });
  try {
    return await new Response(child.stdout).text();
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(home, { recursive: true });
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-sockets-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the API's socket is root's, and who gets at it all the same is nobody", async () => {
  const world = await World.make();
  try {
    const path = `${world.folder}/run/api.sock`;
    chmodSync(world.folder, 0o711);
    const request = `GET ${a}/networks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await asAnother(path, request)).toBe("EACCES");
    chmodSync(path, 0o666);
    expect(await asAnother(path, request)).toStartWith("HTTP/1.1 401");
    expect(world.audited().at(-1)).toMatchObject({ code: 401, uid: 65534, user: null });
  } finally {
    await world.remove();
  }
});

test("the agent's socket is root's, and nobody else's word is read there", async () => {
  let served = 0;
  const server = new AgentServer(async () => {
    served++;
    return { status: 0, text: "" };
  }, silentLog);
  mkdirSync(`${folder}/run`);
  const path = `${folder}/run/agent.sock`;
  await server.listen(path);
  try {
    const request = `${JSON.stringify({ verb: "cni", env: {}, stdin: "" })}\n`;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await asAnother(path, request)).toBe("EACCES");
    chmodSync(path, 0o666);
    expect(["", "ECONNRESET", "EPIPE"]).toContain(await asAnother(path, request));
    expect(served).toBe(0);
  } finally {
    await server.close();
  }
});
