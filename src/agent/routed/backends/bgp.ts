/** Routes that routers and other hosts tell: the host's speaker sets them, none is set here. */
import type { Backend } from "./backend.ts";

export const bgp: Backend = { base: () => [], reach: () => [] };
