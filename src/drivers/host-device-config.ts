/** The configuration of `host-device`, as the reference plugin has it. */
import { ConfigError } from "../model/config-error.ts";
import {
  macAddress,
  object,
  type Parser,
  record,
  text,
  unlessEmpty,
  withDefault,
  wrong,
} from "../model/parse.ts";
import { type AdvertConfig, advertFields } from "./guard-config.ts";
import { linkName } from "./link-name.ts";

/** A name in a folder of /sys: it must not lead elsewhere. */
const busName: Parser<string> = (value, path) => {
  const name = text(value, path);
  return /^[\w.:-]+$/.test(name) && !name.includes("..")
    ? name
    : wrong("a device's name, as 0000:00:1f.6", value, path);
};

const devices = "/sys/devices/";

const kernelPath: Parser<string> = (value, path) => {
  const name = text(value, path);
  const leadsOut = name.split("/").includes("..");
  return name.startsWith(devices) && !leadsOut
    ? name
    : wrong(`a path that begins with ${devices}`, value, path);
};

const fields = object({
  device: unlessEmpty(linkName),
  hwaddr: unlessEmpty(macAddress),
  kernelpath: unlessEmpty(kernelPath),
  pciBusID: unlessEmpty(busName),
  ...advertFields,
  runtimeConfig: withDefault(object({ deviceID: unlessEmpty(busName) }), { deviceID: undefined }),
});

/** Which of the host's devices: the first field that is there counts, as with the reference. */
export interface HostDeviceConfig extends AdvertConfig {
  readonly device?: string;
  readonly hwaddr?: string;
  /** Below /sys/devices. */
  readonly kernelpath?: string;
  readonly pciBusID?: string;
  /** What the runtime chose, on the PCI or the auxiliary bus: counts more than `pciBusID`. */
  readonly deviceID?: string;
}

/** Throws ConfigError. */
export function parseHostDeviceConfig(input: Readonly<Record<string, unknown>>): HostDeviceConfig {
  const { runtimeConfig, acceptRa, raGuard, ...own } = fields(record(input, ""), "");
  const selectors = { ...own, deviceID: runtimeConfig.deviceID };
  const given = Object.entries(selectors).filter(([, value]) => value !== undefined);
  if (given.length === 0) {
    throw new ConfigError(
      "device",
      'missing, as are "hwaddr", "kernelpath" and "pciBusID": one of them must say which device',
    );
  }
  return { ...Object.fromEntries(given), acceptRa, raGuard };
}
