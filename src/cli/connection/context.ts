/** Lists, makes, chooses and forgets contexts. */
import { resolve } from "node:path";
import type { Call, Flags } from "../command.ts";
import type { contextSetFlags } from "../commands/context.ts";
import { single, UsageError } from "../options.ts";
import { layOut } from "../output/cells.ts";
import { type Config, type Context, configPath, readConfig, writeConfig } from "./config.ts";
import { noContext, settingsFrom } from "./settings.ts";

export async function contextList({ line, surroundings }: Call): Promise<number> {
  const [extra] = line.operands;
  if (extra !== undefined) throw new UsageError(`netloom context list takes no "${extra}"`);
  const { terminal, env } = surroundings;
  const path = configPath(env);
  const { current, contexts } = readConfig(path);
  if (contexts.length === 0) {
    terminal.note(`No contexts in "${path}": make one with netloom context set NAME --server URL`);
    return 0;
  }
  const rows = contexts.map(({ name, servers, namespace, token, tokenFile, cert }) => [
    name === current ? "*" : "",
    name,
    servers.join(","),
    namespace ?? "default",
    token || tokenFile ? "token" : cert ? "certificate" : "<none>",
  ]);
  const header = ["CURRENT", "NAME", "SERVERS", "NAMESPACE", "ACCESS"];
  const bold = header.map((name) => terminal.paint("bold", name));
  terminal.out(`${layOut([bold, ...rows]).join("\n")}\n`);
  return 0;
}

export async function contextUse(call: Call): Promise<number> {
  const name = onlyName(call, "use");
  change(call, (config) => {
    if (!config.contexts.some((each) => each.name === name)) throw noContext(name, config.contexts);
    return { ...config, current: name };
  });
  call.surroundings.terminal.out(`Current context: ${name}\n`);
  return 0;
}

export async function contextSet(call: Call<typeof contextSetFlags>): Promise<number> {
  const { line, surroundings } = call;
  const name = onlyName(call, "set");
  const file = (option: "ca" | "cert" | "key" | "token-file") => {
    const path = single(line, option);
    return path === undefined ? undefined : resolve(path);
  };
  const said = {
    servers: single(line, "server")?.split(","),
    namespace: single(line, "namespace"),
    ca: file("ca"),
    cert: file("cert"),
    key: file("key"),
    token: single(line, "token"),
    tokenFile: file("token-file"),
  };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  change(call, ({ current = name, contexts }) => {
    const old = contexts.find((each) => each.name === name);
    // One token at a time: the other way to say it goes.
    const { token, tokenFile, ...kept } = old ?? {};
    const access = (said.token ?? said.tokenFile) ? {} : { token, tokenFile };
    const context = { name, ...kept, ...access, ...given } as Context;
    if (!context.servers)
      throw new UsageError(`Say which server context "${name}" means: --server URL`);
    // Refuses servers that can't be read.
    settingsFrom({ context: name }, {}, { contexts: [context] });
    const others = contexts.map((each) => (each === old ? context : each));
    return { current, contexts: old ? others : [...contexts, context] };
  });
  surroundings.terminal.out(`Context ${name} is set\n`);
  return 0;
}

export async function contextRemove(call: Call): Promise<number> {
  const name = onlyName(call, "remove");
  change(call, ({ current, contexts }) => {
    const left = contexts.filter((each) => each.name !== name);
    if (left.length === contexts.length) throw noContext(name, contexts);
    return { current: current === name ? undefined : current, contexts: left };
  });
  call.surroundings.terminal.out(`Context ${name} is removed\n`);
  return 0;
}

function onlyName<F extends Flags>({ line }: Call<F>, command: string): string {
  const [name, ...others] = line.operands;
  if (name !== undefined && others.length === 0) return name;
  throw new UsageError(`Name one context: netloom context ${command} NAME`);
}

function change<F extends Flags>({ surroundings }: Call<F>, changed: (config: Config) => Config) {
  const path = configPath(surroundings.env);
  writeConfig(path, changed(readConfig(path)));
}
