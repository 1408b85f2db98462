/** The kernel objects that now exist, as rows of plain words. */
import { readdirSync } from "node:fs";
import { run } from "./programs.ts";

interface LinkJson {
  readonly ifname: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly {
    family: string;
    local: string;
    prefixlen: number;
    scope: string;
  }[];
}

/** Links, addresses and default routes of the host and of the containers. */
export async function networkRows(containers: readonly string[]): Promise<string[][]> {
  const places = [undefined, ...containers];
  const shown = await Promise.all(places.map((netns) => placeRows(netns)));
  return shown.flat();
}

async function placeRows(netns: string | undefined): Promise<string[][]> {
  const links: LinkJson[] = JSON.parse(await run(["ip", "-j", "-d", "addr"], { netns }));
  const rows = links
    .filter(({ ifname }) => ifname !== "lo" && ifname !== "uplink")
    .map(({ ifname, master, linkinfo, addr_info = [] }) => {
      const global = addr_info.filter(({ scope }) => scope === "global");
      const addresses = global.map(({ local, prefixlen }) => `${local}/${prefixlen}`).join(" ");
      const kind = linkinfo?.info_kind ?? "link";
      return [netns ?? "host", kind, ifname, master ? `port of ${master}` : addresses];
    });
  if (netns === undefined) return rows;
  const routes: { dst: string; gateway?: string }[] = [
    ...JSON.parse(await run(["ip", "-j", "route"], { netns })),
    ...JSON.parse(await run(["ip", "-j", "-6", "route"], { netns })),
  ];
  const via = routes.flatMap(({ dst, gateway }) => (dst === "default" && gateway ? [gateway] : []));
  return [...rows, [netns, "route", "default", `via ${via.join(" and ")}`]];
}

type Json = Record<string, any>;

/** Each nftables table with its number of chains and rules, then the elements of sets and maps. */
export async function nftRows(): Promise<string[][]> {
  const { nftables }: { nftables: Json[] } = JSON.parse(
    await run(["nft", "-j", "list", "ruleset"]),
  );
  const all = (kind: string) =>
    nftables.flatMap((item) => (item[kind] ? [item[kind] as Json] : []));
  return all("table").flatMap((table) => {
    const mine = (kind: string) =>
      all(kind).filter((item) => item.family === table.family && item.table === table.name);
    const count = `${counted(mine("chain"), "chain")}, ${counted(mine("rule"), "rule")}`;
    const name = `${table.family} ${table.name}`;
    const elements = [...mine("set"), ...mine("map")].flatMap((set) =>
      ((set.elem ?? []) as unknown[]).map((element) => ["", set.name, elementText(element)]),
    );
    return [[name, count, ""], ...elements];
  });
}

function counted(items: readonly unknown[], noun: string): string {
  return `${items.length} ${noun}${items.length === 1 ? "" : "s"}`;
}

/** An element of a set or map as `nft` would write it, without its comment. */
function elementText(element: unknown): string {
  if (Array.isArray(element)) return element.map(elementText).join(" : ");
  if (typeof element !== "object" || element === null) return String(element);
  const item = element as Json;
  if (item.elem) return elementText(item.elem.val);
  if (item.concat) return item.concat.map(elementText).join(" . ");
  if (item.prefix) return `${item.prefix.addr}/${item.prefix.len}`;
  if (item.jump ?? item.goto)
    return `${item.jump ? "jump" : "goto"} ${(item.jump ?? item.goto).target}`;
  return Object.keys(item)[0] ?? "";
}

/** Each folder below these that holds files, with their names; absent folders hold none. */
export function fileRows(folders: readonly string[]): string[][] {
  return folders.flatMap((folder) => {
    const entries = list(folder);
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const below = entries.filter((entry) => entry.isDirectory());
    return [
      ...lines(files.sort()).map((names, at) => [at === 0 ? folder : "", names]),
      ...fileRows(below.map(({ name }) => `${folder}/${name}`).sort()),
    ];
  });
}

/** Names in lines of a readable length. */
function lines(names: readonly string[]): string[] {
  const filled: string[] = [];
  for (const name of names) {
    const last = filled.at(-1);
    if (last === undefined || last.length + name.length > 44) filled.push(name);
    else filled[filled.length - 1] = `${last}  ${name}`;
  }
  return filled;
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
