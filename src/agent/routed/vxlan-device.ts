/** The device that wraps a network's packets on a host, the same for all who must know it. Pure. */
import type { VxlanSettings } from "../../engine/kinds/vxlan.ts";
import { sha256 } from "../../engine/names.ts";
import { linkLocalOf } from "../../lib/link-local.ts";

/** In the host's own namespace, one a network. */
export interface VxlanDevice extends Readonly<VxlanSettings> {
  readonly kind: "device";
  readonly type: "vxlan";
  readonly name: string;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
}

/**
 * Of a host's device: others know it by the host's name, so nobody has to tell it. The address is
 * the next hop of both families, for IPv4 routes lead by an IPv6 next hop as well (RTA_VIA): no
 * subnet of the network gives one for it, and none has to be agreed upon.
 */
export interface DeviceEnd {
  readonly mac: string;
  readonly address: string;
}

/** Each change asks for all of them. */
const known = new Map<string, DeviceEnd>();
const mostKnown = 50_000;

export function deviceEnd(host: string, vni: number): DeviceEnd {
  const key = `${host}\0${vni}`;
  const before = known.get(key);
  if (before) return before;
  const digits = sha256(key);
  const mac = `0e:${[0, 2, 4, 6, 8].map((i) => digits.slice(i, i + 2)).join(":")}`;
  const end = { mac, address: linkLocalOf(mac) };
  if (known.size >= mostKnown) known.clear();
  known.set(key, end);
  return end;
}
