/** Compares an attachment with what it should be. */
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import type { AddressObject, KernelObject, RouteObject } from "../model/kernel-object.ts";
import { type Attachment, attachmentScope, type PortIp, type PortRoute } from "../model/port.ts";
import { differences, key } from "../plan/key.ts";
import type { Engine } from "./engine.ts";
import { attachmentId } from "./names.ts";
import { observe } from "./observe.ts";
import { readRecord } from "./record.ts";
import { restoreIfErased, restoreNft } from "./restore.ts";

/** The attachment is not as it should be. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/** What the runtime knows of the attachment. */
export interface CheckRequest extends Attachment {
  readonly maker: string;
  readonly netns: string;
  readonly result: {
    readonly interfaces: readonly {
      readonly name: string;
      readonly mac?: string;
      readonly sandbox?: string;
    }[];
    readonly ips: readonly (PortIp & { readonly interface?: number })[];
    readonly routes: readonly PortRoute[];
  };
}

/**
 * Throws CheckError with everything that is missing or different. Later plugins may have added to
 * the attachment: what is more than expected is no fault.
 */
export async function checkAttachment(engine: Engine, request: CheckRequest): Promise<void> {
  await engine.session.loadNft();
  const restored = await restoreIfErased(engine);
  const record = readRecord(engine.paths, {
    id: attachmentId(request),
    maker: request.maker,
  });
  const expected = [...(record?.objects ?? []), ...expectedOf(request)];
  const amiss = faultyObjects(engine, expected);
  const faults = [...linkFaults(engine, request), ...new Set(amiss.map(({ fault }) => fault))];
  if (restored > 0) {
    faults.push(
      `another program had erased Netloom's nftables tables: ${restored} attachments were restored, ` +
        "check again",
    );
  } else if (record && amiss.some(({ object }) => object.kind.startsWith("nft-"))) {
    faults.push(restoreOwn(engine, record.objects));
  }
  if (faults.length > 0) throw new CheckError(faults.join("; "));
}

function restoreOwn({ session }: Engine, objects: readonly KernelObject[]): string {
  try {
    restoreNft(session, objects);
    return "what was missing of nftables was restored, check again";
  } catch (error) {
    return `what is missing of nftables cannot be restored: ${(error as Error).message}`;
  }
}

/** Addresses and routes that the result promised on the container's link. */
function expectedOf(request: CheckRequest): KernelObject[] {
  const { netns, ifName, result } = request;
  const place = {
    netns,
    link: ifName,
    scope: attachmentScope(attachmentId(request)),
    life: "exclusive",
  } as const;
  const isHere = (ip: { interface?: number }) =>
    ip.interface === undefined || result.interfaces[ip.interface]?.name === ifName;
  const addresses = result.ips
    .filter(isHere)
    .map(({ address }): AddressObject => ({ ...place, kind: "address", address }));
  const routes = result.routes.map(({ dst, gw, table, priority }): RouteObject => {
    const network = formatPrefix(networkOf(parsePrefix(dst)));
    return { ...place, kind: "route", dst: network, gateway: gw, table, priority };
  });
  return [...addresses, ...routes];
}

function linkFaults({ session }: Engine, { netns, result }: CheckRequest): string[] {
  return result.interfaces.flatMap(({ name, mac, sandbox }) => {
    const where = sandbox === undefined || sandbox === "" ? "host" : sandbox;
    if (where !== "host" && where !== netns) return [`link "${name}" is in ${where}, not ${netns}`];
    const found = session.namespace(where).findLink(name);
    if (!found) return [`link "${name}" is missing in ${where}`];
    // A bridge without an address of its own has that of a port, which changes with its ports.
    if (mac && found.mac !== mac && found.kind !== "bridge")
      return [`link "${name}" has the address ${found.mac}, not ${mac}`];
    return [];
  });
}

interface Fault {
  readonly object: KernelObject;
  readonly fault: string;
}

function faultyObjects({ session }: Engine, expected: readonly KernelObject[]): Fault[] {
  const found = new Map(observe(session, expected).map((object) => [key(object), object]));
  return expected.flatMap((object): Fault[] => {
    const have = found.get(key(object));
    if (!have) return [{ object, fault: `${describe(object)} is missing` }];
    const fields = differences(lasting(object), have);
    if (fields.length === 0) return [];
    return [{ object, fault: `${describe(object)} differs in ${fields.join(", ")}` }];
  });
}

/** A link without what later plugins of a chain may have changed; the result has their MAC. */
function lasting(object: KernelObject): KernelObject {
  if (object.kind !== "link" || object.life === "shared") return object;
  const { mtu: _, promisc: __, bridgePort, ...others } = object;
  const { hairpin, ...portSettings } = bridgePort ?? {};
  // portmap turns it on for the ports that it publishes.
  const kept = hairpin ? { ...portSettings, hairpin } : portSettings;
  const rest = { ...others, ...(bridgePort && { bridgePort: kept }) };
  if (rest.type !== "veth") return rest;
  const { netns, name, up } = rest.peer;
  return { ...rest, peer: { netns, name, up } };
}

const describe = (object: KernelObject): string => {
  switch (object.kind) {
    case "link":
      return `link "${object.name}"`;
    case "address":
      return `address ${object.address} on "${object.link}"`;
    case "route":
      return `route to ${object.dst} on "${object.link}"`;
    case "sysctl":
      return `sysctl ${object.path}`;
    case "nft-chain":
      return `nftables chain "${object.chain}"`;
    case "nft-element":
      return `element ${object.key.flatMap(Object.values).join(" . ")} of nftables set "${object.set}"`;
  }
};
