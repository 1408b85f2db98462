/** Whether this agent serves its host, by the newest that it knows of the host's object. */
import { fenceOf } from "../api/kinds/host.ts";
import type { Host } from "../api/kinds/index.ts";
import { CniError, cniCodes } from "../cni/errors.ts";
import { type Incarnation, type Standing, standingOf } from "../ipam/host-fence.ts";
import type { Agent } from "./agent.ts";
import { silenceMs } from "./report/vigil.ts";
import type { NodeSpec } from "./spec/node-spec.ts";

export class Serving {
  readonly own: Incarnation;
  readonly #host: string;
  readonly #spec: Pick<NodeSpec, "host">;

  constructor(spec: Pick<NodeSpec, "host">, host: string, own: Incarnation) {
    this.#spec = spec;
    this.#host = host;
    this.own = own;
  }

  get standing(): Standing {
    const known = this.#spec.host(this.#host);
    return known ? standingOf(fenceOf(known), this.own) : "newcomer";
  }

  get isOn(): boolean {
    return this.standing === "serving";
  }

  get refusal(): string {
    return refusalOf(this.#host, this.standing, this.#spec.host(this.#host)?.status);
  }
}

const newcomerPatienceMs = 5_000;

/** Throws CniError where this agent may attach nothing. Waits where nobody serves the host yet. */
export async function mustServe({ serving, control, patience }: Agent): Promise<void> {
  if (serving.standing === "newcomer") {
    await control.waitFor(() => serving.isOn, patience.leftMs(newcomerPatienceMs));
  }
  if (!serving.isOn) throw new CniError(cniCodes.tryLater, serving.refusal);
}

/** Why an agent of this standing does not serve the host, and what mends it. */
export function refusalOf(host: string, standing: Standing, status: Host["status"]): string {
  const { agent = "", boot = "", heartbeat = "never" } = status ?? {};
  const heard = `last heard of at ${heartbeat}`;
  if (standing === "stranger") {
    return (
      `Host "${host}" is served by another agent (${agent}, ${heard}): give this one another ` +
      "--host. Only if that one is gone for good, with all that it attached, say " +
      `"netloom host remove ${host} --off"`
    );
  }
  if (standing === "heir") {
    return (
      `Host "${host}" is served in another boot (${boot}, ${heard}): this agent follows when ` +
      `that one has been silent for ${silenceMs / 1000} s. If it runs, one is a copy of the ` +
      "other: give the copy another --host and an empty --state-dir"
    );
  }
  return `Host "${host}" is not confirmed by the control plane yet: look whether a server is reached`;
}
