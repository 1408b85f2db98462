/** Attaches a namespace of this host to a declared port by the host's agent, or detaches it. */
import { portKind } from "../../api/kinds/port.ts";
import type { Call } from "../command.ts";
import type { portFlags } from "../commands/port.ts";
import { apiOf } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";

export async function attachPort(
  call: Call<typeof portFlags>,
  verb: "attach" | "detach",
): Promise<number> {
  const { line, surroundings } = call;
  const [word, netns, ...others] = line.operands;
  if (word === undefined || netns === undefined || others.length > 0) {
    throw new UsageError(`Say which port and which namespace: netloom port ${verb} PORT NETNS`);
  }
  const name = word.replace(/^(ports?|po)\//, "");
  const api = apiOf(call);
  const { namespace } = api;
  const meant = { namespace, port: name, netns };
  const ifName = single(line, "ifname");
  // What is attached here is known here: a server that is away is not asked.
  if (verb === "detach") {
    return surroundings.attachPort({ ...meant, verb, ...(ifName !== undefined && { ifName }) });
  }
  const { network } = (await api.client.of(portKind).get({ namespace, name })).spec;
  const end = surroundings.terminal.progress(() => `Attaching port "${namespace}/${name}"`);
  try {
    return await surroundings.attachPort({ ...meant, verb, network, ifName: ifName ?? "eth0" });
  } finally {
    end();
  }
}
