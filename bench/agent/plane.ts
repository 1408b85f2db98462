/** A server and an agent of their own, in processes of the compiled executable. */
import { readFileSync } from "node:fs";
import { openSqlite } from "../../src/control/store/sqlite.ts";
import { fill } from "../control/fill.ts";
import { small } from "../control/size.ts";
import { restOf } from "../proc.ts";

const executable = new URL("../../dist/netloom", import.meta.url).pathname;
const root = "/apis/netloom.dev/v1alpha1/namespaces/default";
export const host = "bench-host";
export const network = "bench";
/** A switch takes 1,024 ports (BR_MAX_PORTS): room for a thousand containers and some machines. */
const cidr = "10.99.0.0/16";

export interface Plane extends AsyncDisposable {
  /** The agent's. */
  readonly pid: number;
  readonly stateDir: string;
  readonly runDir: string;
  create(plural: string, object: object): Promise<void>;
  remove(plural: string, name: string): Promise<void>;
}

/** With so many ports of other hosts in the store, and one network that the agent knows. */
export async function startPlane(dir: string, remotePorts: number): Promise<Plane> {
  const [stateDir, runDir, log] = [`${dir}/state`, `${dir}/run`, `${dir}/log`];
  await Bun.$`mkdir -p ${stateDir} ${runDir} ${dir}/server`.quiet();
  const path = `${dir}/server/store.db`;
  const store = openSqlite(path);
  await fill(store, { ...small, hosts: remotePorts / 20, ports: remotePorts });
  await store.close();
  const running: Bun.Subprocess[] = [];
  const start = (...words: string[]) => {
    const child = Bun.spawn([executable, ...words, "--run-dir", runDir], {
      stdio: ["ignore", "ignore", Bun.file(`${log}.${words[0]}`)],
    });
    running.push(child);
    return child;
  };
  const end = async () => {
    for (const child of running.reverse()) {
      child.kill();
      await child.exited;
    }
  };
  const until = async (what: string, isSo: () => Promise<boolean>) => {
    for (const giveUp = performance.now() + 60_000; !(await isSo()); await Bun.sleep(20)) {
      const dead = running.find(({ exitCode }) => exitCode !== null);
      if (!dead && performance.now() < giveUp) continue;
      const said = ["server", "agent"].map((name) => tail(`${log}.${name}`)).join("");
      await end();
      throw new Error(`It never came to be that ${what}:\n${said}`);
    }
  };
  const send = async (method: string, path: string, body?: object) => {
    const init = {
      method,
      unix: `${runDir}/api.sock`,
      headers: { "content-type": "application/json" },
    };
    const request = { ...init, ...(body && { body: JSON.stringify(body) }) } as RequestInit;
    const response = await fetch(`http://api${path}`, request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  };
  const create = (plural: string, object: object) =>
    send("POST", `${root}/${plural}`, { apiVersion: "netloom.dev/v1alpha1", ...object });
  const server = start("server", "--state-dir", `${dir}/server`, "--store", `sqlite:${path}`);
  await until("the server is ready", () => send("GET", "/readyz").then(yes, no));
  // Until its reconcilers have looked at everything nobody is lent addresses soon.
  await restOf(server.pid);
  const metadata = { name: network };
  await create("networks", { kind: "Network", metadata, spec: { type: "bridge" } });
  await create("subnets", { kind: "Subnet", metadata, spec: { network, cidr } });
  const agent = start("agent", "--host", host, "--state-dir", stateDir);
  await until("the agent serves", () => Bun.file(`${runDir}/agent.json`).exists());
  return {
    ...{ pid: agent.pid, stateDir, runDir, create },
    remove: (plural, name) => send("DELETE", `${root}/${plural}/${name}`),
    [Symbol.asyncDispose]: end,
  };
}

const yes = () => true;
const no = () => false;

function tail(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(-2000);
  } catch {
    return "";
  }
}
