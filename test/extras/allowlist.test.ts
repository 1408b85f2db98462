/** The administrator's list of sysctls: ours and the reference's allow the same. */
import { afterEach, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { callPlugin } from "../support/cni-call.ts";
import { ourDir, referenceDir } from "../support/reference.ts";
import { TestHost } from "../support/test-host.ts";

const folder = "/etc/cni/tuning";
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const cases: [string, string | undefined, boolean][] = [
  ["no list", undefined, true],
  ["an empty list", "", false],
  ["a list of blank lines", " \n\n", false],
  ["its name", "net.ipv4.conf.IFNAME.arp_filter", true],
  ["part of its name", "arp_filter", true],
  ["another name", "net.core.somaxconn", false],
  ["a second line", "net.core.somaxconn\n^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$\n", true],
  ["the link's name, which the key does not hold", "^net\\.ipv4\\.conf\\.eth0\\.", false],
  ["a class of characters", "^[[:lower:]]+[.]ipv4", true],
  ["letters of any case", "(?i)ARP_FILTER", true],
  ["a line that is no expression", "arp_filter(", false],
];

test.each(cases)("with %s both say the same", async (_, list, allowed) => {
  const host = await TestHost.create();
  try {
    if (list !== undefined) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/allowlist.conf`, list);
    }
    for (const plugins of [referenceDir("1.9.1"), ourDir()]) {
      const container = await host.addContainer();
      await host.shell("ip link add eth0 type veth peer name p0", container);
      const answer = await callPlugin({
        ...{ host, plugins, container, command: "ADD", type: "tuning", containerId: "one" },
        config: {
          ...{ cniVersion: "1.0.0", name: "net", type: "tuning", dataDir: `${host.dir}/tuning` },
          sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" },
          prevResult: { cniVersion: "1.0.0", interfaces: [{ name: "eth0" }], ips: [] },
        },
      });
      expect(answer.ok, answer.stdout).toBe(allowed);
      const value = await host.shell("cat /proc/sys/net/ipv4/conf/eth0/arp_filter", container);
      expect(value.trim()).toBe(allowed ? "1" : "0");
    }
  } finally {
    await host.remove();
  }
});
