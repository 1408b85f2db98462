/** Which port of which network a call means. */
import type { Network, Port, Subnet } from "../api/kinds/index.ts";
import { addressTrouble, madeBy, networkOfPort } from "../api/kinds/port.ts";
import { CniError, cniCodes } from "../cni/errors.ts";
import type { Call } from "../cni/plugin.ts";
import { ConfigError } from "../model/config-error.ts";
import { filledText, unlessEmpty } from "../model/parse.ts";
import { wishesOf } from "./addresses/agent-ipam.ts";
import type { Agent } from "./agent.ts";
import { cidrsOf, type NetworkConfig, networkConfig } from "./network-config.ts";
import type { PortRecord } from "./port-records.ts";
import { beingDeleted } from "./report/binding.ts";
import { refuseGivenIps, refuseUnfit } from "./unfit.ts";

export interface Name {
  readonly namespace: string;
  readonly name: string;
}

/** Names as the call has them, before anybody looks whether they exist. */
export interface TargetNames {
  readonly network: Name;
  readonly port: Name;
  /** The user named the port, so it may have been declared. */
  readonly isNamed: boolean;
  /** Of a port that nobody declared. */
  readonly identity?: string;
}

const wish = unlessEmpty(filledText);
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Throws ConfigError. */
export function targetNames(call: Call, id: string): TargetNames {
  const { raw, cniArgs } = call.conf;
  const arg = (key: string) => call.args.values.get(key);
  const configured = wish(raw.namespace, "namespace");
  const namespace = arg("K8S_POD_NAMESPACE") || arg("NETLOOM_NAMESPACE") || configured || "default";
  const named = wish(cniArgs.port, "args.cni.port") ?? (arg("NETLOOM_PORT") || undefined);
  const reference = filledText(raw.network, "network").split("/");
  const network =
    reference.length === 1
      ? { namespace: configured ?? namespace, name: reference[0]! }
      : { namespace: reference[0]!, name: reference.slice(1).join("/") };
  const port = named ?? derivedName(call, id);
  checkName(network.namespace, "network");
  checkName(network.name, "network");
  checkName(namespace, "namespace");
  checkName(port, "args.cni.port");
  const identity =
    wish(cniArgs.identity, "args.cni.identity") ?? (arg("NETLOOM_IDENTITY") || undefined);
  return {
    network,
    port: { namespace, name: port },
    isNamed: named !== undefined,
    ...(identity !== undefined && { identity }),
  };
}

function checkName(name: string, path: string): void {
  if (label.test(name)) return;
  throw new ConfigError(
    path,
    `"${name}" is no name: at most 63 of a-z, 0-9 and hyphens, which neither begin nor end it`,
  );
}

/** Of the workload's name, as far as it can be one, and what tells attachments apart. */
function derivedName(call: Call, id: string): string {
  const given = call.args.values.get("K8S_POD_NAME") || call.containerId;
  const base = given
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 46)
    .replace(/-+$/, "");
  return `${base || "port"}-${id.slice(0, 8)}`;
}

/** What a call is about. */
export interface Target {
  readonly names: TargetNames;
  readonly network: Network;
  /**
   * Absent: nobody declared it, and the agent makes it. One that an agent made for an attachment
   * that went a moment ago may still be in the spec: it counts as absent.
   */
  readonly port: Port | undefined;
  readonly subnets: readonly Subnet[];
  readonly config: NetworkConfig;
}

/** What was declared a moment ago may still be on its way. */
const patienceMs = 2_000;
/** Addresses are assigned soon after a port is declared; blocks may have to be asked for some. */
const assignedPatienceMs = 5_000;

/** The port of what is attached already, where the call names none. */
function attachedNames(call: Call, { id, port, isOurs }: PortRecord): TargetNames {
  const names = targetNames(call, id);
  return names.isNamed ? names : { ...names, port, isNamed: !isOurs };
}

/**
 * `attached`: the attachment that the call is about is there. Throws ConfigError, and CniError: 7
 * where there is no such network or port, 11 where nobody can tell.
 */
export async function targetOf(
  agent: Agent,
  call: Call,
  { id, attached }: { readonly id: string; readonly attached?: PortRecord },
): Promise<Target> {
  const { spec, control, patience } = agent;
  const names = attached ? attachedNames(call, attached) : targetNames(call, id);
  const known = () => spec.network(names.network) !== undefined;
  if (!known() && !(await control.waitFor(known, patience.leftMs(patienceMs))))
    throw unknownNetwork(agent, names);
  const network = spec.network(names.network)!;
  const subnets = usableSubnets(network, spec.subnetsOf(network));
  const found =
    spec.port(names.port) ??
    (names.isNamed ? await control.findPort(names.port, patience.leftMs()) : undefined);
  const port = found && wasMadeHere(found, agent) ? undefined : found;
  if (names.isNamed && !found && !attached) throw unknownPort(names);
  refuseMismatch(agent, { names, network, port });
  refuseUnfit({ network, port, subnets });
  if (!attached) refuseGivenIps(call);
  return {
    names,
    network,
    port: await withAddresses(agent, { names, port, subnets }),
    subnets,
    config: networkConfig(network, port?.spec, cidrsOf(subnets)),
  };
}

/** Nothing new is attached to what is being deleted. Throws CniError 7. */
function usableSubnets(network: Network, subnets: readonly Subnet[]): readonly Subnet[] {
  const { namespace, name } = network.metadata;
  const left = subnets.filter((subnet) => !isGoing(subnet));
  const isOver = isGoing(network) || (subnets.length > 0 && left.length === 0);
  if (!isOver) return left;
  const what = isGoing(network) ? "" : "all subnets of ";
  throw new CniError(
    cniCodes.config,
    `Cannot attach to ${what}network "${namespace}/${name}", being deleted: take another network`,
  );
}

const isGoing = ({ metadata }: Network | Subnet | Port): boolean =>
  metadata.deletionTimestamp !== undefined;

/** The control plane itself gives addresses to declared ports that are on no host of their own. */
const isAssigned = (port: Port | undefined): boolean =>
  port !== undefined && port.spec.host === undefined && port.spec.joins === undefined;

const assignedPauseMs = 200;

/** The port with all its addresses. Throws ConfigError, and CniError 11 where it gets them not. */
async function withAddresses(
  { control, patience }: Agent,
  { names, port, subnets }: Pick<Target, "names" | "port" | "subnets">,
): Promise<Port | undefined> {
  if (!port || !isAssigned(port)) return port;
  wishesOf(subnets, port);
  const end = performance.now() + patience.leftMs(assignedPatienceMs);
  const find = () => control.findPort(names.port, patience.leftMs());
  let why: string | undefined;
  for (let now: Port | undefined = port; ; now = await find()) {
    why = addressTrouble(now);
    const wanted = now?.spec.fixedIps?.length || subnets.length;
    if (!now || (now.status?.addresses?.length ?? 0) >= wanted) return now;
    // What can't be is not waited for.
    wishesOf(subnets, now);
    if (performance.now() > end) break;
    await Bun.sleep(assignedPauseMs);
  }
  const { namespace, name } = names.port;
  throw new CniError(
    cniCodes.tryLater,
    why === undefined
      ? `Port "${namespace}/${name}" has not all of its addresses yet: try again, or look at ` +
          `"netloom describe port ${name}"`
      : `Port "${namespace}/${name}" has not all of its addresses: ${why}`,
  );
}

const wasMadeHere = ({ metadata, spec }: Port, { host }: Agent): boolean =>
  metadata.labels?.[madeBy] === "agent" && spec.host === host;

function unknownNetwork({ spec, control, host }: Agent, { network }: TargetNames): CniError {
  const what = `network "${network.namespace}/${network.name}"`;
  if (spec.isComplete && control.isReached) {
    return new CniError(
      cniCodes.config,
      `There is no ${what} for host "${host}": declare it ("netloom apply"), or see its spec.hosts`,
    );
  }
  return new CniError(
    cniCodes.tryLater,
    `Host "${host}" knows no ${what}, and the control plane can't be reached: try again once it is`,
  );
}

/** Who names a port means one that was declared: a wrong name would get other addresses. */
function unknownPort({ port: { namespace, name }, network }: TargetNames): CniError {
  const isOwn = network.namespace === namespace;
  const where = namespace === "default" ? "" : ` -n ${namespace}`;
  const on = isOwn ? network.name : `${network.namespace}/${network.name}`;
  return new CniError(
    cniCodes.config,
    `There is no port "${namespace}/${name}": declare it ("netloom create port ${name} ` +
      `network=${on}${where}"), or name none and one is made`,
  );
}

/** The port may be on the network, and on this host. Throws CniError 7. */
function refuseMismatch(
  { spec, host }: Agent,
  { names, network, port }: Pick<Target, "names" | "network" | "port">,
): void {
  const { namespace, name } = names.port;
  const refuse = (text: string) => {
    throw new CniError(cniCodes.config, `Port "${namespace}/${name}" ${text}`);
  };
  const asked = `${network.metadata.namespace}/${network.metadata.name}`;
  if (!spec.mayUse(network, namespace)) {
    refuse(`may not be on network "${asked}": its spec.sharedWith does not select "${namespace}"`);
  }
  if (!port) return;
  if (isGoing(port)) throw beingDeleted(names.port);
  const own = networkOfPort(port.spec, namespace);
  if (own.namespace !== network.metadata.namespace || own.name !== network.metadata.name) {
    refuse(`is on network "${own.namespace}/${own.name}", not "${asked}": correct one of the two`);
  }
  const elsewhere = port.status?.bindings?.find((one) => one.active && one.host !== host)?.host;
  if (elsewhere !== undefined && port.spec.host === undefined) {
    refuse(
      `is on host "${elsewhere}": detach it there first, or move it by its spec.host: "${host}"`,
    );
  }
  const { type, host: wanted } = port.spec;
  if (type !== "container") refuse(`is of type "${type}": no container can take it`);
  if (wanted !== undefined && wanted !== host) {
    refuse(`belongs to host "${wanted}", and this is "${host}": change its spec.host`);
  }
}

/** A port is in one place: who has it keeps it. Throws CniError 102. */
export function refuseAttached({ records }: Agent, id: string, { names }: Target): void {
  const { namespace, name } = names.port;
  const other = records
    .here()
    .find((one) => one.id !== id && one.port.namespace === namespace && one.port.name === name);
  if (!other) return;
  throw new CniError(
    cniCodes.conflict,
    `Port "${namespace}/${name}" is container "${other.containerId}" as "${other.ifName}": ` +
      "detach that first, or name another port",
  );
}
