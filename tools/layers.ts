/** Checks that the rooms of `src/` import only what the table of rooms allows. */
import { posix } from "node:path";
import {
  type Fault,
  lineAt,
  report,
  type SourceFile,
  sourceFiles,
  withoutComments,
} from "./source-files.ts";

interface Room {
  /** Rooms, or folders of rooms, that it may import besides itself. */
  readonly imports: readonly string[];
  /** Pure rooms also run in a browser: no Node.js, no Bun, nothing but the language. */
  readonly pure?: boolean;
  /** npm packages that it may import. */
  readonly packages?: readonly string[];
}

const model = ["lib", "model"];
const engine = [...model, "ipam", "drivers", "plan", "kernel"];
const plugins = [...model, "ipam", "drivers", "engine", "api", "kernel/sys"];
const protocols = [...model, "kernel"];

/** The rooms in order. Rooms from `cni` down never import each other, `agent` apart. */
export const rooms: Readonly<Record<string, Room>> = {
  lib: { imports: [], pure: true },
  model: { imports: ["lib"], pure: true },
  ipam: { imports: model, pure: true },
  drivers: { imports: model, pure: true },
  plan: { imports: model, pure: true },
  api: { imports: model, pure: true },
  kernel: { imports: model },
  engine: { imports: engine },
  cni: { imports: plugins },
  docker: { imports: plugins },
  dhcp: { imports: protocols },
  dns: { imports: protocols },
  tunnel: { imports: protocols },
  bgp: { imports: protocols },
  doctor: { imports: [...engine, "engine", "dhcp/v4"] },
  agent: {
    imports: [
      ...engine,
      "engine",
      "api",
      "cni",
      "docker",
      "dhcp",
      "dns",
      "bgp",
      "tunnel",
      "doctor",
    ],
  },
  control: {
    imports: [...model, "ipam", "api", "kernel/sys"],
    packages: ["hono", "@hono/node-server"],
  },
  cli: { imports: [...model, "api"] },
  web: { imports: [...model, "api"] },
};

/** Files directly in `src/`: executable and library choose rooms, so they may import any. */
const entrances = ["src/main.ts", "src/index.ts"];

/** Where foreign functions may be called: libc, and libnftables beside its only user. */
const foreignDoors = ["src/kernel/sys/", "src/kernel/nft/libnftables.ts"];

const hostGlobals = /(?<![\w.$"'`/-])(Bun|process|Buffer|require|__dirname|__filename)\s*[.(]/g;
const importForms = [
  /^\s*(?:import|export)\b[^;"']*?\bfrom\s+["']([^"']+)["']/gm,
  /^\s*import\s+["']([^"']+)["']/gm,
  /\bimport\(\s*["'`]([^"'`]+)["'`]/g,
];

/** What is wrong with how these files import one another. Tests may import anything. */
export function layerFaults(files: readonly SourceFile[]): Fault[] {
  return files
    .filter(({ path }) => path.startsWith("src/") && path.endsWith(".ts"))
    .flatMap((file) => {
      if (entrances.includes(file.path)) return [];
      const name = file.path.split("/")[1]!;
      const room = file.path.split("/").length > 2 ? rooms[name] : undefined;
      if (!room) return [{ path: file.path, message: unlisted(file.path) }];
      return file.path.endsWith(".test.ts") ? [] : [...importFaults(file, name, room)];
    });
}

function unlisted(path: string): string {
  const folder = posix.dirname(path);
  return `"${folder}" is no room: add it to the table in tools/layers.ts, or move the file`;
}

function* importFaults(file: SourceFile, name: string, room: Room): Generator<Fault> {
  const code = withoutComments(file.text);
  for (const [specifier, offset] of imports(code)) {
    const message = forbidden(file.path, specifier, name, room);
    if (message) yield { path: file.path, line: lineAt(code, offset), message };
  }
  if (!room.pure) return;
  for (const match of code.matchAll(hostGlobals)) {
    const message = `${name}/ is pure and may not use the global ${match[1]}`;
    yield { path: file.path, line: lineAt(code, match.index), message };
  }
}

function imports(code: string): [specifier: string, offset: number][] {
  return importForms.flatMap((form) =>
    [...code.matchAll(form)].map((match): [string, number] => [
      match[1]!,
      match.index + match[0].lastIndexOf(match[1]!),
    ]),
  );
}

function forbidden(from: string, specifier: string, name: string, room: Room): string | undefined {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(from), specifier);
    if (target.endsWith(".test.ts")) return `product code may not import the test "${specifier}"`;
    const allowed = [name, ...room.imports].some((part) => target.startsWith(`src/${part}/`));
    return allowed ? undefined : `${name}/ may not import "${specifier}"`;
  }
  if (specifier === "bun:ffi" && !foreignDoors.some((door) => from.startsWith(door))) {
    return `only ${foreignDoors.join(" and ")} may import "bun:ffi"`;
  }
  if (/^(node|bun):|^bun$/.test(specifier)) {
    return room.pure ? `${name}/ is pure and may not import "${specifier}"` : undefined;
  }
  if (room.packages?.includes(specifier)) return undefined;
  return `${name}/ may not import the package "${specifier}"`;
}

if (import.meta.main) report(layerFaults(sourceFiles(process.argv[2] ?? ".")));
