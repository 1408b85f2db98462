/** Compares an attachment with what it should be. */
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import type { AddressObject, KernelObject, RouteObject } from "../model/kernel-object.ts";
import { type Attachment, attachmentScope, type PortIp, type PortRoute } from "../model/port.ts";
import type { Engine } from "./engine.ts";
import { faultyObjects, isLasting } from "./faults.ts";
import { withoutOverridden } from "./later-plugins.ts";
import { attachmentId } from "./names.ts";
import { type AttachmentRecord, readRecord, recordsOf } from "./record.ts";
import { restoreIfErased, restoreWith } from "./restore.ts";

/** The attachment is not as it should be. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/** What the runtime knows of the attachment. */
export interface CheckRequest extends Attachment {
  readonly maker: string;
  readonly netns: string;
  /** What should be there beside what the record names. */
  readonly expected?: readonly KernelObject[];
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
  const erased = await restoreIfErased(engine, attachmentId(engine.paths, request));
  const record = readRecord(engine.paths, {
    id: attachmentId(engine.paths, request),
    maker: request.maker,
  });
  const told = [...(request.expected ?? []), ...expectedOf(engine, request)];
  const others = recordsOf(engine.paths, attachmentId(engine.paths, request)).filter(
    ({ maker }) => maker !== request.maker,
  );
  const expected = withoutOverridden(
    [...(record?.objects ?? []).filter(isLasting), ...told],
    others.flatMap(({ objects }) => objects),
  );
  await engine.session.loadKinds(expected);
  // A guard that this kernel cannot have is not missing; any other is put back by the look.
  const amiss = faultyObjects(engine.session, expected).filter(
    ({ object }) =>
      object.kind !== "link-guard" || engine.session.guards.restoreGuard(engine.session, object),
  );
  const faults = [...linkFaults(engine, request), ...new Set(amiss.map(({ fault }) => fault))];
  if (erased > 0) {
    faults.push(
      `another program had erased Netloom's nftables tables: ${erased} attachments were restored, ` +
        "check again",
    );
  } else if (record && amiss.some(({ object }) => isRestored(object))) {
    faults.push(await restored(engine, record));
  }
  if (amiss.some(({ object }) => object.kind === "link-guard"))
    faults.push("it was put back, check again");
  if (faults.length > 0) throw new CheckError(faults.join("; "));
}

function isRestored({ kind }: KernelObject): boolean {
  return kind.startsWith("nft-") || kind === "foreign-accept";
}

async function restored(engine: Engine, record: AttachmentRecord): Promise<string> {
  try {
    await restoreWith(engine, record);
    return "what was missing of nftables was restored, check again";
  } catch (error) {
    return `what is missing of nftables cannot be restored: ${(error as Error).message}`;
  }
}

/** Addresses and routes that the result promised on the container's link. */
function expectedOf({ paths }: Engine, request: CheckRequest): KernelObject[] {
  const { netns, ifName, result } = request;
  const place = {
    netns,
    link: ifName,
    scope: attachmentScope(attachmentId(paths, request)),
    life: "exclusive",
  } as const;
  const isHere = (ip: { interface?: number }) =>
    ip.interface === undefined || result.interfaces[ip.interface]?.name === ifName;
  const addresses = result.ips
    .filter(isHere)
    .map(({ address }): AddressObject => ({ ...place, kind: "address", address }));
  const routes = result.routes.map(({ dst, gw, table, priority }): RouteObject => {
    const network = formatPrefix(networkOf(parsePrefix(dst)));
    // dhcp, the reference's too, tells of no router as of one without an address.
    const gateway = gw === "0.0.0.0" || gw === "::" ? undefined : gw;
    return { ...place, kind: "route", dst: network, gateway, table, priority };
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
