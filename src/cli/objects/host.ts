/** Lists hosts, takes them out of use and back, and forgets them. */
import { hostKind, overAnnotation, rotateKeyAnnotation } from "../../api/kinds/host.ts";
import type { Host } from "../../api/kinds/index.ts";
import { portKind } from "../../api/kinds/port.ts";
import { isNotFound } from "../../api/status-error.ts";
import type { Call, Flags } from "../command.ts";
import type { hostFlags, hostRemoveFlags } from "../commands/ipam.ts";
import { type Api, apiOf, fieldManager, type Named } from "../connection/api.ts";
import { InUse, TimedOut } from "../exit.ts";
import { UsageError } from "../options.ts";
import { nameOf } from "../output/format.ts";
import { get } from "./get.ts";
import { patched, tell } from "./send.ts";
import { targetsOf } from "./targets.ts";
import { waitUntil } from "./wait-until.ts";

const sending = { dryRun: false, manager: `${fieldManager}-host`, force: false };

/** The command's operand, checked to be a name. Throws UsageError. */
export function onlyName({ line }: Call<any>, command: string): string {
  const [name, ...others] = line.operands;
  if (name === undefined || others.length > 0) {
    throw new UsageError(`Name one host: netloom host ${command} HOST`);
  }
  return targetsOf(["host", name])[0]!.name!;
}

/** `get hosts`. */
export function hostList(call: Call<any>): Promise<number> {
  return listOfKind(call, "hosts");
}

/** `get KIND` with the same options. Throws UsageError where there are operands. */
export function listOfKind<F extends Flags>({ line, surroundings }: Call<F>, plural: string) {
  const [extra] = line.operands;
  if (extra !== undefined) throw new UsageError(`A list takes no "${extra}"`);
  return get({ line: { ...line, operands: [plural] } as any, surroundings });
}

export async function setUnschedulable(
  call: Call<typeof hostFlags>,
  unschedulable: boolean,
): Promise<number> {
  const name = onlyName(call, unschedulable ? "cordon" : "uncordon");
  await patched(apiOf(call), { kind: hostKind, name }, { spec: { unschedulable } }, sending);
  const verb = unschedulable ? "cordoned" : "uncordoned";
  tell(call.surroundings.terminal, nameOf(hostKind, name), verb, sending);
  return 0;
}

export async function hostRotateKey(call: Call<typeof hostFlags>): Promise<number> {
  const name = onlyName(call, "rotate-key");
  const annotations = { [rotateKeyAnnotation]: new Date().toISOString() };
  await patched(apiOf(call), { kind: hostKind, name }, { metadata: { annotations } }, sending);
  tell(call.surroundings.terminal, nameOf(hostKind, name), "asked for another key", sending);
  return 0;
}

export async function hostRemove(call: Call<typeof hostRemoveFlags>): Promise<number> {
  const name = onlyName(call, "remove");
  const hosts = apiOf(call).client.of(hostKind);
  const host = await hosts.get({ name });
  const { force, off } = call.line.options;
  if (force && off)
    throw new UsageError("Say --force or --off: of a machine that is off none hears");
  const ready = host.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "True" && !force) {
    throw new InUse(
      `Host "${name}" is in use, its agent was heard of at ${host.status?.heartbeat}: ` +
        (off
          ? "if it is off by now, say it again once the host counts as silent, in less than a minute"
          : "stop its agent first, or say --force"),
    );
  }
  if (off) await hosts.mergePatch({ name }, overPatch(host));
  await hosts.delete({ name }).catch((error) => {
    // One that was going already may be gone with that word.
    if (!off || !isNotFound(error)) throw error;
  });
  const { surroundings } = call;
  const label = nameOf(hostKind, name);
  if (await isGone(call, { kind: hostKind, name, uid: host.metadata.uid })) {
    tell(surroundings.terminal, label, "removed", sending);
    return 0;
  }
  tell(surroundings.terminal, label, "terminating", sending);
  const ports = await portsOn(apiOf(call), name);
  const what =
    ports.length === 0
      ? "its agent to give its addresses back"
      : `its containers to be detached: ${shortened(ports)}`;
  const remedy = `Where its machine is off for good, "netloom host remove ${name} --off" ends that`;
  surroundings.terminal.note(`It waits for ${what}${off ? "" : `. ${remedy}`}`);
  return 0;
}

/** Of the host as it was read: an agent that comes back meanwhile is heard. */
const overPatch = ({ metadata, status }: Host) => ({
  metadata: {
    resourceVersion: metadata.resourceVersion,
    annotations: { [overAnnotation]: status?.boot ?? "" },
  },
});

/** One that has nothing is gone in moments. */
const goingMs = 2000;

async function isGone(call: Call<typeof hostRemoveFlags>, place: Named & { readonly uid: string }) {
  const { surroundings } = call;
  const deadline = surroundings.now() + goingMs;
  try {
    const { uid } = place;
    await waitUntil({ api: apiOf(call), place, until: "delete", deadline, surroundings, uid });
    return true;
  } catch (error) {
    if (error instanceof TimedOut) return false;
    throw error;
  }
}

async function portsOn({ client }: Api, host: string): Promise<string[]> {
  const { items } = await client.of(portKind).list();
  return items
    .filter(({ status }) => status?.bindings?.some((one) => one.active && one.host === host))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

const mostNames = 5;

function shortened(names: readonly string[]): string {
  const more = names.length - mostNames;
  return names.slice(0, mostNames).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
