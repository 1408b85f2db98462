/** Containers that get one of the host's own devices for as long as they live. */
import type { DeviceObject, KernelObject } from "../model/kernel-object.ts";
import { attachmentScope } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver } from "./driver.ts";
import { type HostDeviceConfig, parseHostDeviceConfig } from "./host-device-config.ts";
import { linkGuardObjects } from "./link-guard.ts";
import { hostOf, refuseTooSmall } from "./mtu.ts";

export const hostDevice: Driver<HostDeviceConfig> = {
  networkType: "host-device",
  enforcement: "netns",
  parse: parseHostDeviceConfig,
  complete: (port) => port,
  network: () => [],

  port(port, config, facts) {
    const device = facts.device(config, port.id);
    // A driver in user space has it: there is no link to move.
    if (device === "in user space") return [];
    const { mtu } = device;
    refuseTooSmall(port, { mtu }, facts);
    const moved: DeviceObject = {
      ...{ netns: port.netns, scope: attachmentScope(port.id), life: "exclusive" },
      ...{ kind: "device", name: port.ifName, up: true, device },
    };
    const objects: KernelObject[] = [
      moved,
      ...linkGuardObjects(port, config, device.mac),
      ...linkSysctls(port, hostOf({ mtu }, facts), { dad: false, acceptRa: config.acceptRa }),
      ...linkAddresses(port, { dad: false }),
      ...linkRoutes(port),
    ];
    return objects;
  },

  links: (port) => [{ netns: port.netns, name: port.ifName }],
  gatewayLink: () => undefined,
};
