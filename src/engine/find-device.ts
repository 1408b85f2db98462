/** Which of the host's devices a configuration means, and what it has there. */
import type { HostDeviceConfig } from "../drivers/host-device-config.ts";
import { getLink, listLinks } from "../kernel/netlink/link-info.ts";
import { existsSync, readdirSync } from "../kernel/sys/files.ts";
import { ConfigError } from "../model/config-error.ts";
import { type HostedDevice, hostNetns } from "../model/kernel-object.ts";
import type { Engine } from "./engine.ts";
import { recordsOf } from "./record.ts";
import { isLinkLocal, readCarried } from "./uplink/carried.ts";

const pciDevices = "/sys/bus/pci/devices";
const auxiliaryDevices = "/sys/bus/auxiliary/devices";
/** Their devices have no link: a program drives them (DPDK). */
const userSpaceDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/**
 * The device as it is on the host; of one that this attachment has taken already, as it was.
 * Throws ConfigError where there is none.
 */
export function findDevice(
  { session, paths }: Engine,
  config: HostDeviceConfig,
  id: string,
): HostedDevice | "in user space" {
  const taken = recordsOf(paths, id)
    .flatMap(({ objects }) => objects)
    .find((object) => object.kind === "device");
  if (taken) return taken.device;
  const place = placeOf(config);
  if (place?.isPci && isInUserSpace(place.path)) return "in user space";
  const { socket } = session.namespace(hostNetns);
  const name = linkOf(config, place) ?? linkWith(socket, config);
  const link = getLink(socket, { name });
  if (!link) {
    throw new ConfigError(
      config.device === undefined ? "device" : "device",
      `the host has no link "${name}": another container may have it`,
    );
  }
  const { index, mac, mtu, up, promisc, alias } = link;
  const carried = readCarried(socket, link);
  const addresses = carried.addresses.filter((info) => !isLinkLocal(info) && info.permanent);
  const master = link.master && getLink(socket, { index: link.master })?.name;
  return {
    ...{ name, index, mac, mtu, up, promisc },
    ...(alias && { alias }),
    ...(master && { master }),
    carried: { ...carried, addresses, neighs: carried.neighs.filter(isLasting) },
  };
}

function isLasting({ state }: { readonly state?: string | number }): boolean {
  return state === "permanent";
}

interface BusPlace {
  readonly path: string;
  readonly field: string;
  readonly isPci: boolean;
}

/** The device's folder on its bus. */
function placeOf({ deviceID, pciBusID }: HostDeviceConfig): BusPlace | undefined {
  if (deviceID !== undefined) {
    const field = "runtimeConfig.deviceID";
    for (const bus of [pciDevices, auxiliaryDevices]) {
      const path = `${bus}/${deviceID}`;
      if (existsSync(path)) return { path, field, isPci: bus === pciDevices };
    }
    throw new ConfigError(field, `"${deviceID}" is on neither the PCI nor the auxiliary bus`);
  }
  if (pciBusID === undefined) return undefined;
  const path = `${pciDevices}/${pciBusID}`;
  if (existsSync(path)) return { path, field: "pciBusID", isPci: true };
  throw new ConfigError("pciBusID", `"${pciBusID}" is not on the PCI bus`);
}

function isInUserSpace(path: string): boolean {
  const { readlinkSync } = process.getBuiltinModule("node:fs");
  try {
    const driver = readlinkSync(`${path}/driver`);
    return userSpaceDrivers.includes(driver.slice(driver.lastIndexOf("/") + 1));
  } catch {
    throw new ConfigError(
      "pciBusID",
      `the device in ${path} has no driver: load its module, or bind it to vfio-pci`,
    );
  }
}

/** By name or by a folder of /sys, in the reference's order; a hardware address comes between. */
function linkOf(config: HostDeviceConfig, place: BusPlace | undefined): string | undefined {
  if (config.device !== undefined) return config.device;
  if (config.hwaddr !== undefined) return undefined;
  if (config.kernelpath !== undefined) return firstLinkIn(config.kernelpath, "kernelpath");
  if (!place) return undefined;
  // Virtio puts a bus of its own between the PCI device and the link.
  const folders = [place.path, ...childrenOf(place.path, "virtio")];
  const folder = folders.find((path) => existsSync(`${path}/net`)) ?? place.path;
  return firstLinkIn(folder, place.field);
}

function childrenOf(path: string, prefix: string): string[] {
  return namesIn(path).flatMap((name) => (name.startsWith(prefix) ? [`${path}/${name}`] : []));
}

function firstLinkIn(path: string, field: string): string {
  const [name] = namesIn(`${path}/net`);
  if (name !== undefined) return name;
  throw new ConfigError(field, `no link is in ${path}/net: another container may have it`);
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path).map(({ name }) => name);
  } catch {
    return [];
  }
}

function linkWith(socket: Parameters<typeof listLinks>[0], { hwaddr }: HostDeviceConfig): string {
  const found = listLinks(socket).find(({ mac }) => mac === hwaddr);
  if (found) return found.name;
  throw new ConfigError("hwaddr", `the host has no link with ${hwaddr}: another container may`);
}
