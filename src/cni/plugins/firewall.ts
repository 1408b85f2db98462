/** The `firewall` plugin: who may reach a container, and that other firewalls let it pass. */
import { firewall } from "../../drivers/firewall.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const firewallPlugin = extraPlugin(firewall, {
  reference: async () => (await import("../../engine/firewall-traces.ts")).firewallTraces,
});
