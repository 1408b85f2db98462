/** Every network type. */
import { bridge } from "./bridge.ts";
import type { Driver } from "./driver.ts";
import { ptp } from "./ptp.ts";

export const drivers: readonly Driver<any>[] = [bridge, ptp];
