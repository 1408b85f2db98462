/** A driver's plugin with all that type `netloom` adds: published ports, and options of extras. */
import type { Driver, HostFacts } from "../../drivers/driver.ts";
import type { AttachedPort } from "../../drivers/extra.ts";
import { withHairpin } from "../../drivers/hairpin.ts";
import { portmap } from "../../drivers/portmap-extra.ts";
import type { Call, Plugin } from "../plugin.ts";
import { type LinkPluginOptions, linkPlugin } from "./link-plugin.ts";
import { underName, wantedExtras } from "./nested-extras.ts";

/** For one call, whose configuration says what is added. Throws ConfigError. */
export async function driverPlugin(
  call: Call,
  driver: Driver<any>,
  options: Pick<LinkPluginOptions, "open" | "ipam"> = {},
): Promise<Plugin> {
  const { whole, extras } = await withExtras(call, driver);
  return linkPlugin(whole, { ...options, type: "netloom", extras: () => extras });
}

/** The driver as the call wants it, and what goes with it. Throws ConfigError. */
export async function withExtras(call: Call, driver: Driver<any>) {
  const published = portmap.parse(call.conf.raw);
  const wanted = await wantedExtras(call);
  const extras = (port: AttachedPort, facts: HostFacts) => [
    ...(published ? portmap.objects(port, published, facts) : []),
    ...wanted.flatMap(({ extra, config }) =>
      underName(extra, () => extra.objects(port, config, facts)),
    ),
  ];
  return { whole: published?.hairpin ? withHairpin(driver) : driver, extras };
}
