/** Our own IPAM, which knows nothing of CNI's calls, as `ipam.ts` wants it. */
import { pathsFromEnv } from "../engine/paths.ts";
import type { Ipam as Engine } from "../ipam/ipam.ts";
import type { Ipam } from "./ipam.ts";

/** Turns calls into the engine's words. Errors pass as they are. */
export function ownIpam<Config, Place>(engine: Engine<Config, Place>): Ipam {
  const paths = pathsFromEnv(process.env);
  return {
    type: engine.type,
    needsLink: false,
    reserve(call) {
      const config = engine.parse(call.conf.raw, call.args.values);
      const { result, durable } = engine.add(config, call, paths);
      return { result: { interfaces: [], ...result }, durable };
    },
    release: (call) => engine.del(engine.parsePlace(call.conf.raw), call, paths),
    check(call) {
      const config = engine.parse(call.conf.raw, call.args.values);
      const { containerId, ifName, prevResult } = call;
      engine.check(config, { containerId, ifName, result: prevResult?.ips ?? [] }, paths);
    },
    gc: (call, valid) => engine.gc(engine.parsePlace(call.conf.raw), valid, paths),
    status: (call) => engine.status(engine.parse(call.conf.raw, call.args.values), paths),
  };
}
