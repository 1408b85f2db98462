/** Every network type. */
import { bridge } from "./bridge.ts";
import type { Driver } from "./driver.ts";
import { dummy } from "./dummy.ts";
import { hostDevice } from "./host-device.ts";
import { ipvlan } from "./ipvlan.ts";
import { macvlan } from "./macvlan.ts";
import { overlay } from "./overlay.ts";
import { ptp } from "./ptp.ts";
import { routed } from "./routed.ts";
import { tap } from "./tap.ts";
import { vlan } from "./vlan.ts";

export const drivers: readonly Driver<any>[] = [
  bridge,
  dummy,
  hostDevice,
  ipvlan,
  macvlan,
  ptp,
  routed,
  tap,
  vlan,
];

/** Of declared networks alone: what they need of other hosts only an agent knows. */
export const declaredDrivers: readonly Driver<any>[] = [overlay];
