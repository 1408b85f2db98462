/** Agents of declared networks on this host: alive, heard by their control plane, nothing amiss. */
import { readdirSync, statSync } from "node:fs";
import {
  type AboutAgent,
  type AboutControl,
  aboutAgentFile,
  agentLock,
  controlFile,
} from "../engine/agent-files.ts";
import { bootId } from "../engine/boot.ts";
import { instancePaths } from "../engine/paths.ts";
import { listRecords } from "../engine/record.ts";
import { closeSync, existsSync, openSync } from "../kernel/sys/files.ts";
import { flock, SysError } from "../kernel/sys/libc.ts";
import { readIfThere } from "../kernel/sys/whole-file.ts";
import { type Finding, fine, warning } from "./finding.ts";
import type { Host } from "./host.ts";
import { leftovers } from "./leftovers.ts";

/** Every instance that has state on this host, and the agent that serves the run directory. */
export async function agents(host: Host): Promise<Finding[]> {
  const instances = foldersIn(`${host.paths.stateDir}/instances`);
  if (instances.length === 0) return [fine("No agent has served declared networks here")];
  const about = readJson<AboutAgent>(aboutAgentFile(host.paths));
  const found: Finding[] = [];
  for (const instance of instances) {
    const paths = instancePaths(instance, host.paths);
    using session = host.session.renew(paths);
    await session.loadNft();
    const own = { ...host, session, paths };
    if (about?.instance === instance) found.push(...serving(host, instance));
    found.push(...spec(own), ...portRecords(own), ...leftovers(own));
  }
  return found;
}

/** What of its engine a running agent says, or who looks after its containers. */
function serving(host: Host, instance: string): Finding[] {
  const control = readJson<AboutControl>(controlFile(host.paths));
  if (isHeld(agentLock(host.paths))) {
    const heard = control ? reachability(instance, control) : [];
    return [fine(`The agent "${instance}" serves`), ...heard];
  }
  const paths = instancePaths(instance, host.paths);
  const { length } = listRecords(paths).filter(({ boot }) => boot === bootId());
  if (length === 0) return [];
  const what =
    `The agent "${instance}" does not run: its ${length} attachments keep their networks, but ` +
    "nobody repairs them, and no container can be attached";
  return [warning(what, "systemctl start netloom-up, or netloom-agent")];
}

function reachability(instance: string, { isReached, since, servers }: AboutControl): Finding[] {
  const whom = servers.join(", ");
  if (isReached) return [fine(`It has heard its control plane (${whom}) since ${since}`)];
  const what =
    `The agent "${instance}" has not heard its control plane (${whom}) since ${since}: it goes on ` +
    "with the node spec of then";
  return [warning(what, `netloom get hosts --server ${servers[0]}`)];
}

/** The node spec on disk. */
function spec({ paths }: Host): Finding[] {
  const folder = `${paths.stateDir}/spec`;
  if (!existsSync(folder)) return [];
  const broken = filesIn(folder).filter((path) => readJson(path) === undefined);
  const bad = broken.map((path) =>
    warning(`${path} is no readable object of the node spec`, `rm ${path}, and restart the agent`),
  );
  if (existsSync(`${folder}/complete`)) {
    const newest = Math.max(...filesIn(folder).map((path) => statSync(path).mtimeMs));
    const when = Number.isFinite(newest) ? `, last changed at ${timeOf(newest)}` : "";
    return [...bad, fine(`It has a whole node spec of ${filesIn(folder).length} objects${when}`)];
  }
  const what =
    "It never had a whole node spec: it knows no network, or not all, and deletes nothing";
  return [...bad, warning(what, "see that it reaches its server (--server), and its log")];
}

const timeOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function portRecords({ paths }: Host): Finding[] {
  return filesIn(`${paths.stateDir}/ports`)
    .filter((path) => readJson(path) === undefined)
    .map((path) =>
      warning(`${path} is no readable record of a port`, `detach its container, then rm ${path}`),
    );
}

function isHeld(path: string): boolean {
  if (!existsSync(path)) return false;
  const fd = openSync(path, "r+ or new", 0o600);
  try {
    flock(fd, "tryExclusive");
    return false;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return true;
  } finally {
    closeSync(fd);
  }
}

const foldersIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);

const filesIn = (path: string): string[] =>
  foldersIn(path)
    .filter((name) => name.endsWith(".json"))
    .map((name) => `${path}/${name}`);

/** Undefined without one, and where it is none. */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? "") as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
