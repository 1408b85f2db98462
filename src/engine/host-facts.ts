/** What drivers ask about the host, looked up when asked and then remembered. */
import type { HostFacts } from "../drivers/driver.ts";
import { getLink } from "../kernel/netlink/link-info.ts";
import { getRoute, listRoutes } from "../kernel/netlink/route-info.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { existsSync } from "../kernel/sys/files.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";
import { macOf } from "./names.ts";

const defaultMtu = 1500;
const fromAdvertisement = 9;
/** Any global addresses: the rules and tables that would carry traffic to them are consulted. */
const farAway = ["1.1.1.1", "2606:4700::1"];

export class KernelFacts implements HostFacts {
  readonly #session: KernelSession;
  #uplinkMtu: number | undefined;
  #raUplinks: readonly string[] | undefined;
  #ipv6: boolean | undefined;

  constructor(session: KernelSession) {
    this.#session = session;
  }

  readonly macOf = macOf;

  get ipv6(): boolean {
    this.#ipv6 ??= existsSync("/proc/sys/net/ipv6");
    return this.#ipv6;
  }

  get uplinkMtu(): number {
    this.#uplinkMtu ??= this.#findUplinkMtu();
    return this.#uplinkMtu;
  }

  get raUplinks(): readonly string[] {
    this.#raUplinks ??= this.#findRaUplinks();
    return this.#raUplinks;
  }

  #findUplinkMtu(): number {
    const { socket } = this.#session.namespace(hostNetns);
    for (const address of farAway) {
      const route = getRoute(socket, address);
      if (route?.oif === undefined) continue;
      return route.mtu ?? getLink(socket, { index: route.oif })?.mtu ?? defaultMtu;
    }
    return defaultMtu;
  }

  #findRaUplinks(): string[] {
    const { socket } = this.#session.namespace(hostNetns);
    const routes = listRoutes(socket, {
      family: addressFamily.inet6,
      protocol: fromAdvertisement,
    }).filter((route) => route.dst === "::/0");
    const indexes = new Set(routes.flatMap((route) => route.oif ?? []));
    return [...indexes].flatMap((index) => getLink(socket, { index })?.name ?? []);
  }
}
