/** Limits as the reference's `bandwidth` made them: what its containers have, and what stays. */
import { bandwidth } from "../drivers/bandwidth.ts";
import { ifbNames } from "../drivers/ifb-name.ts";
import { deleteLink } from "../kernel/netlink/link.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { differences, key } from "../plan/key.ts";
import { describePort } from "./attached-port.ts";
import type { ReferenceTraces } from "./extend.ts";
import { KernelFacts } from "./host-facts.ts";
import { aliasOf, attachmentId, sha512 } from "./names.ts";
import { observe } from "./observe.ts";
import { inProcess } from "./paths.ts";

export const bandwidthTraces: ReferenceTraces = {
  /** The link alone: what is on the host's end goes with it, as the reference has it. */
  remove({ session, paths }, of) {
    const host = session.namespace(hostNetns);
    const ours = aliasOf(paths, attachmentId(paths, of));
    for (const name of ifbNames(paths.instance ?? inProcess, of, sha512)) {
      const link = host.findLink(name);
      if (link?.kind !== "ifb" || (link.alias !== undefined && link.alias !== ours)) continue;
      host.socket.run([deleteLink({ name })]);
      host.forget(name);
    }
  },

  async has(engine, of) {
    const config = bandwidth.parse(of.raw);
    if (config === undefined || of.netns === undefined) return true;
    const port = describePort(engine, { ...of, netns: of.netns, ips: [], routes: [] });
    const facts = new KernelFacts(engine);
    // Whatever is there has the first name.
    const blind = { ...facts, uplinkMtu: 0, raUplinks: [], ipv6: true, link: () => undefined };
    const wanted = bandwidth.objects(port, config, blind).map(asTheirs);
    await engine.session.loadKinds(wanted);
    const found = new Map(observe(engine.session, wanted).map((object) => [key(object), object]));
    return wanted.every((object) => {
      const have = found.get(key(object));
      return have !== undefined && differences(object, have).length === 0;
    });
  },
};

/** Without our marks and numbers, and without the burst: theirs is cut to whole microseconds. */
function asTheirs(object: KernelObject): KernelObject {
  const open: Record<string, unknown> = { ...object };
  for (const field of ["mac", "mtu", "alias", "handle", "burstBytes"]) delete open[field];
  return open as unknown as KernelObject;
}
