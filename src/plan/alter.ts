/** What of an attachment can change while it is in use, and what that takes. Pure. */
import { isShared, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import { key, ownership } from "./key.ts";

/** Something would have to be made anew, which cuts the container off: that is for its runtime. */
export class RigidError extends Error {
  override readonly name = "RigidError";
  /** In words: `the parent of link "eth0"`. */
  readonly what: string;

  constructor(what: string) {
    super(`Cannot change ${what} while it is in use`);
    this.what = what;
  }
}

/** A link that stays, and becomes other in these fields. */
export interface LinkChange {
  readonly link: LinkObject;
  readonly before: LinkObject;
  readonly fields: readonly string[];
}

/** From what an attachment consists of to what it is to consist of. */
export interface Alteration {
  /** All that it consists of then. */
  readonly objects: readonly KernelObject[];
  readonly links: readonly LinkChange[];
  /** Of other kinds: new, or other than they were. Links among them are shared, and new. */
  readonly changed: readonly KernelObject[];
  /** What it has no more, and elements under whose keys something else is to be. */
  readonly gone: readonly KernelObject[];
}

/** What the kernel changes of a link that packets pass through. */
const liveFields: ReadonlySet<string> = new Set(["mtu", "peer.mtu", "bridgePort", "promisc", "up"]);

/** Throws RigidError. */
export function alter(
  old: readonly KernelObject[],
  wanted: readonly KernelObject[],
): Alteration | undefined {
  const before = new Map(old.map((object) => [key(object), object]));
  const after = new Map(wanted.map((object) => [key(object), object]));
  const objects = [...after].map(([name, object]) => settled(object, before.get(name)));
  const changed: KernelObject[] = [];
  const links: LinkChange[] = [];
  const gone = [...before].flatMap(([name, object]) => (after.has(name) ? [] : [object]));
  for (const object of objects) {
    const had = before.get(key(object));
    if (object === had) continue;
    if (object.kind === "link" && had?.kind === "link") {
      links.push({ link: object, before: had, fields: changedFields(object, had) });
      continue;
    }
    if (had && object.kind === "nft-element") gone.push(had);
    changed.push(object);
  }
  refuseRigid(links, [...changed, ...gone]);
  if (changed.length + gone.length + links.length === 0) return undefined;
  return { objects, links, changed, gone };
}

/** The very object that was there where it stays as it is: it knows what was there before it. */
function settled(object: KernelObject, had: KernelObject | undefined): KernelObject {
  if (!had) return object;
  if (object.life === had.life && changedFields(object, had).length === 0) return had;
  return "before" in had && "before" in object
    ? ({ ...object, before: had.before } as KernelObject)
    : object;
}

function refuseRigid(links: readonly LinkChange[], others: readonly KernelObject[]): void {
  for (const { link, fields } of links) {
    const rigid = fields.find((field) => !liveFields.has(field));
    if (rigid !== undefined) throw new RigidError(`${words[rigid] ?? rigid} of "${link.name}"`);
  }
  for (const object of others) {
    if (object.kind === "uplink") throw new RigidError(`the uplink of bridge "${object.bridge}"`);
    if (object.kind !== "link") continue;
    if (!isShared(object) || object.type === "bridge")
      throw new RigidError(`link "${object.name}"`);
  }
}

const words: Readonly<Record<string, string>> = {
  mac: "the hardware address",
  "peer.mac": "the hardware address behind the link",
  type: "the type",
  parent: "the parent",
  macvlan: "the mode",
  ipvlan: "the mode",
  vlan: "the VLAN",
  vlans: "the VLANs",
  tun: "owner, group or queues",
  master: "the bridge",
};

/** Names of fields, `peer.mtu` among them, in which two states of one object differ. */
function changedFields(a: KernelObject, b: KernelObject): string[] {
  const names = (object: object) => Object.keys(object).filter((name) => !ownership.has(name));
  const value = (object: object, name: string) => (object as Record<string, unknown>)[name];
  return [...new Set([...names(a), ...names(b)])].flatMap((name) => {
    const [one, other] = [value(a, name), value(b, name)];
    if (name !== "peer" || !one || !other) return isEqual(one, other) ? [] : [name];
    const inner = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...inner].flatMap((field) =>
      isEqual(value(one, field), value(other, field)) ? [] : [`peer.${field}`],
    );
  });
}

/** Values of JSON: a record has been on disk. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const value = (object: object, name: string) => (object as Record<string, unknown>)[name];
  return [...names].every((name) => isEqual(value(a, name), value(b, name)));
}
