/** Opens what one call of the engine works with. */
import { hostNetns } from "../model/kernel-object.ts";
import { KernelSession } from "./kernel-session.ts";
import { type Paths, pathsFromEnv } from "./paths.ts";

/** The kernel and this instance's directories. */
export interface Engine {
  readonly session: KernelSession;
  readonly paths: Paths;
}

/** An engine on the namespace that the process is in, with directories from the environment. */
export function openEngine(): Engine & Disposable {
  const paths = pathsFromEnv(process.env);
  const session = new KernelSession(hostNetns, paths);
  return {
    session,
    paths,
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}
