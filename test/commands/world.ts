/** A test host with a network list, and the built executable's commands inside it. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Finished, inside, run, systemPath } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");

/** What a command needs to keep to the host's own files. */
export interface World {
  readonly host: TestHost;
  /** The list `demo`: bridge, addresses of both families, published ports. */
  readonly list: string;
  /** Runs `netloom` with these words. */
  netloom(...words: readonly string[]): Promise<Finished>;
  /** Starts it in a process group of its own, and leaves its output to be read. */
  start(...words: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** What is left of attachments: links, namespaces, reservations, records, cache. */
  leftovers(): Promise<string[]>;
}

/** Makes a host; remove it with `host.remove()`. */
export async function makeWorld(): Promise<World> {
  const host = await TestHost.create();
  const list = `${host.dir}/demo.conflist`;
  const ipam = {
    type: "host-local",
    dataDir: `${host.dir}/data`,
    ranges: [[{ subnet: "10.61.0.0/24" }], [{ subnet: "fd00:61::/64" }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  };
  const bridge = { type: "bridge", bridge: "demo0", isGateway: true, ipMasq: true, ipam };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  const document = { cniVersion: "1.1.0", name: "demo", plugins: [bridge, portmap] };
  writeFileSync(list, JSON.stringify(document));

  const env = {
    NETLOOM_STATE_DIR: `${host.dir}/state`,
    NETLOOM_RUN_DIR: `${host.dir}/run`,
  };
  const argv = (words: readonly string[]) => {
    const [first = "", second = "", ...rest] = words;
    const places = ["--cache-dir", `${host.dir}/cache`, "--conf-dir", host.dir];
    return [executable, first, second, ...places, ...rest];
  };
  return {
    host,
    list,
    netloom: (...words) => run(argv(words), { netns: host.netns, env }),
    start: (...words) =>
      Bun.spawn(inside(argv(words), host.netns), {
        env: { PATH: systemPath, HOME: "/root", ...env },
        detached: true,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      }),
    leftovers: () => leftovers(host),
  };
}

async function leftovers(host: TestHost): Promise<string[]> {
  const links = await host.shell("ls /sys/class/net 2>/dev/null; ip -br link | cut -d' ' -f1");
  const veths = links.split("\n").filter((name) => name.startsWith("nl"));
  const files = [
    `${host.dir}/data/demo`,
    `${host.dir}/state/attachments`,
    `${host.dir}/cache/results`,
  ].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  const kept = files.filter((name) => name !== "lock" && !name.startsWith("last_reserved_ip."));
  return [...veths, ...kept];
}

/** Resolves when the stream has given the text. */
export async function until(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  let seen = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    seen += decoder.decode(chunk);
    if (seen.includes(text)) return;
  }
  throw new Error(`The stream ended without "${text}": ${seen}`);
}
