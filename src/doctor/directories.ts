/** Folders of plugins, configurations and state: there, ours to trust, and complete. */
import { lstatSync, readlinkSync, statSync } from "node:fs";
import { readConfigurations } from "./configurations.ts";
import { type Finding, fault, fine, note, warning } from "./finding.ts";
import { type Host, namesIn } from "./host.ts";

export function directories(host: Host): Finding[] {
  const { paths, pluginDirs, confDir, cacheDir } = host;
  const trusted = [...pluginDirs, confDir, cacheDir, paths.stateDir, paths.runDir];
  const found = trusted.flatMap((path) => untrusted(host, path));
  return [...found, ...plugins(host), ...(found.length > 0 ? [] : [fine(allTrusted)])];
}

const allTrusted = "Only root can write to the folders of plugins, configurations and state";

/** Whoever can write there can run code as root, or redirect traffic. */
function untrusted(host: Host, path: string): Finding[] {
  const stat = statSync(host.file(path), { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.uid !== 0) return [fault(`${path} belongs to user ${stat.uid}`, `chown root ${path}`)];
  if ((stat.mode & 0o022) === 0) return [];
  return [fault(`Others than root may write to ${path}`, `chmod go-w ${path}`)];
}

/** Where each plugin that a network names would be found, and whose it is. */
function plugins(host: Host): Finding[] {
  const dirs = host.pluginDirs.filter((dir) => namesIn(host, dir).length > 0);
  if (dirs.length === 0) {
    const all = host.pluginDirs.join(", ");
    return [note(`No CNI plugin is installed in ${all}`, "make install")];
  }
  return [
    ...dirs.map((dir) => owners(host, dir)),
    ...dirs.flatMap((dir) => brokenLinks(host, dir)),
    ...missing(host, dirs),
  ];
}

function owners(host: Host, dir: string): Finding {
  const names = namesIn(host, dir);
  const ours = names.filter((name) => isOurs(host, `${dir}/${name}`));
  const others = names.filter((name) => !ours.includes(name));
  const list = (who: string, which: readonly string[]) =>
    which.length > 0 ? `${who} ${which.join(", ")}` : "";
  return fine(
    `${dir}: ${[list("Netloom is", ours), list("others are", others)].filter(Boolean).join("; ")}`,
  );
}

function isOurs(host: Host, path: string): boolean {
  const stat = lstatSync(host.file(path), { throwIfNoEntry: false });
  return stat?.isSymbolicLink() === true && /(^|\/)netloom$/.test(readlinkSync(host.file(path)));
}

function brokenLinks(host: Host, dir: string): Finding[] {
  const broken = namesIn(host, dir).filter(
    (name) => statSync(host.file(`${dir}/${name}`), { throwIfNoEntry: false }) === undefined,
  );
  return broken.map((name) => fault(`${dir}/${name} leads nowhere`, "make install"));
}

function missing(host: Host, dirs: readonly string[]): Finding[] {
  const installed = new Set(dirs.flatMap((dir) => namesIn(host, dir)));
  const needed = readConfigurations(host).plugins.flatMap(({ type, raw, file }) => {
    const ipam = raw.ipam as { readonly type?: unknown } | undefined;
    const types = typeof ipam?.type === "string" ? [type, ipam.type] : [type];
    return types.map((name) => ({ name, file }));
  });
  const absent = needed.filter(({ name }) => !installed.has(name));
  return absent.map(({ name, file }) =>
    warning(
      `${file} needs the plugin "${name}", which is in none of ${dirs.join(", ")}`,
      `install it into ${dirs[0]}, or name another "type" in ${file}`,
    ),
  );
}
