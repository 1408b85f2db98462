/** Makes a lease of a server's answer. */
import { ipToBytes } from "../../lib/ip.ts";
import type { DhcpLease, LeaseTimes } from "../../model/dhcp.ts";
import type { PortRoute } from "../../model/port.ts";
import type { DhcpMessage } from "./message.ts";
import { type Options, readOption } from "./options.ts";
import type { ServedRoute } from "./values.ts";

const noAddress = "0.0.0.0";
const infinite = 0xffffffff;
/** What the reference plugin takes a lease without a time for. */
const secondsIfUntold = 3600;
/** RFC 791: every host takes so much. RFC 2132 section 5.1 allows less for nothing but modems. */
const minMtu = 576;
const linkScope = 253;

/** The lease that an ACK or OFFER holds; text when it is of no use, and why. */
export function leaseOf(message: DhcpMessage, startedAt: number): DhcpLease | string {
  const { options, yiaddr } = message;
  const server = readOption(options, "serverId");
  if (!isUnicast(yiaddr)) return `gave the address ${yiaddr}`;
  const length = maskLength(readOption(options, "subnetMask"));
  if (length === undefined) return "gave no subnet mask (option 1)";
  const seconds = readOption(options, "leaseSeconds") ?? secondsIfUntold;
  if (seconds === 0) return "gave a lease of no time";
  const gateway = readOption(options, "routers")?.find(isUnicast);
  const mtu = readOption(options, "mtu");
  return {
    family: 4,
    ips: [{ address: `${yiaddr}/${length}`, ...(gateway && { gateway }) }],
    routes: routesOf(options, gateway),
    dns: dnsOf(options),
    ...(mtu !== undefined && mtu >= minMtu && { mtu }),
    server: server ?? noAddress,
    times: timesOf(options, seconds, startedAt),
  };
}

/** Whether a host can have the address. */
export function isUnicast(address: string): boolean {
  const first = Number.parseInt(address, 10);
  return first > 0 && first < 224 && first !== 127;
}

/** A mask with holes is none. */
function maskLength(mask: string | undefined): number | undefined {
  if (mask === undefined) return undefined;
  const bits = [...ipToBytes(mask)].map((octet) => octet.toString(2).padStart(8, "0")).join("");
  const length = bits.indexOf("0") < 0 ? 32 : bits.indexOf("0");
  return length === 0 || bits.includes("1", length) ? undefined : length;
}

/** RFC 3442: who gets classless routes passes over 33 and 3. */
function routesOf(options: Options, gateway: string | undefined): PortRoute[] {
  const classless = readOption(options, "classlessRoutes") ?? [];
  if (classless.length > 0) return classless.flatMap(routeOf);
  const classful = readOption(options, "staticRoutes") ?? [];
  const usable = classful.filter(({ dst }) => !dst.endsWith("/0"));
  return [
    ...usable.flatMap(routeOf),
    ...(gateway === undefined ? [] : [{ dst: "0.0.0.0/0", gw: gateway }]),
  ];
}

function routeOf({ dst, router }: ServedRoute): PortRoute[] {
  // The reference's form: a route without `gw` would get the address's gateway.
  if (router === noAddress) return [{ dst, gw: noAddress, scope: linkScope }];
  return isUnicast(router) ? [{ dst, gw: router }] : [];
}

function dnsOf(options: Options): DhcpLease["dns"] {
  const nameservers = (readOption(options, "nameservers") ?? []).filter(isUnicastOrLoopback);
  const search = (readOption(options, "domainSearch") ?? []).filter(isDomain);
  const domain = readOption(options, "domain");
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain && isDomain(domain) && { domain }),
    ...(search.length > 0 && { search }),
  };
}

function isUnicastOrLoopback(address: string): boolean {
  return isUnicast(address) || address.startsWith("127.");
}

/** They end up in a file that the container's resolver reads line by line (CVE-2011-0997). */
function isDomain(name: string): boolean {
  return name.length <= 253 && /^[\p{L}\p{N}_]([\p{L}\p{N}_.-]*)$/u.test(name);
}

/** RFC 2131 section 4.4.5: half, and seven eighths; what a server says unless it makes no sense. */
function timesOf(options: Options, seconds: number, startedAt: number): LeaseTimes {
  if (seconds === infinite) {
    return { startedAt, renewAt: null, rebindAt: null, expiresAt: null };
  }
  const told = {
    renew: readOption(options, "renewSeconds") ?? 0,
    rebind: readOption(options, "rebindSeconds") ?? 0,
  };
  const rebind = told.rebind > 0 && told.rebind < seconds ? told.rebind : (seconds * 7) / 8;
  const renew = told.renew > 0 && told.renew < rebind ? told.renew : Math.min(seconds / 2, rebind);
  return {
    startedAt,
    renewAt: startedAt + renew * 1000,
    rebindAt: startedAt + rebind * 1000,
    expiresAt: startedAt + seconds * 1000,
  };
}
