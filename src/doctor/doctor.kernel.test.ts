/** The doctor on hosts that are fresh namespaces with files of their own: each trouble is told. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bridge } from "../drivers/bridge.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import { type Box, EngineFixture, type Wish } from "../engine/engine-fixture.ts";
import { listRecords, removeRecord } from "../engine/record.ts";
import { examine, statusOf } from "./doctor.ts";
import type { Finding, Section } from "./finding.ts";
import type { Host } from "./host.ts";

const root = mkdtempSync(join(tmpdir(), "netloom-doctor-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
});

/** Writes files of the host, by path. */
function files(texts: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** What the doctor says of the fixture's host. */
function sections(fixture: EngineFixture): Promise<Section[]> {
  return fixture.engine((engine) => {
    const dirs = { pluginDirs: ["/opt/cni/bin"], confDir: "/etc/cni/net.d" };
    const host: Host = {
      ...engine,
      ...dirs,
      cacheDir: "/var/lib/cni",
      // The kernel's own files stay those of the process.
      file: (path) => (/^\/(proc|sys)\//.test(path) ? path : join(root, path)),
    };
    return examine(host);
  });
}

const isBad = ({ level }: Finding) => level === "warning" || level === "fault";

async function bad(fixture: EngineFixture): Promise<Finding[]> {
  return (await sections(fixture)).flatMap(({ findings }) => findings).filter(isBad);
}

const published: Wish["extras"] = (port) =>
  portmapObjects({
    ...port,
    mappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    snat: true,
    masqAll: false,
  });
const wish: Wish = {
  driver: bridge,
  config: { isGateway: true },
  ips: ["10.88.0.2/24"],
  gateways: ["10.88.0.1"],
  extras: published,
};
const conflist = (network: string, plugin: object) =>
  JSON.stringify({ cniVersion: "1.0.0", name: network, plugins: [plugin] });

test("a host with nothing wrong is told so, and left as it is", async () => {
  using fixture = new EngineFixture("doctor");
  await fixture.attach(fixture.box(), wish);
  const before = fixture.state();
  const found = await sections(fixture);
  expect(found.flatMap(({ findings }) => findings).filter(isBad)).toEqual([]);
  expect(statusOf(found)).toBe(0);
  expect(fixture.state()).toEqual(before);
});

/** What goes wrong on a host with one attachment, and what is said of it. */
type Trouble = (fixture: EngineFixture, box: Box) => unknown;
const troubles: [string, Trouble, Finding["level"], RegExp, RegExp][] = [
  [
    "forwarding that was switched off under containers",
    ({ host }) => host.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"),
    "fault",
    /net\.ipv4\.ip_forward is 0, but attached containers need it/,
    /sysctl -w net\.ipv4\.ip_forward=1/,
  ],
  [
    "rules that were flushed",
    ({ host }) => host.run("nft", "flush", "ruleset"),
    "fault",
    /tables were removed or changed/,
    /next ADD/,
  ],
  [
    "a foreign policy of dropping without a chain for exceptions",
    ({ host }) =>
      host.run(
        "nft",
        "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }",
      ),
    "warning",
    /policy of iptables' chain FORWARD is DROP/,
    /iptables -I FORWARD/,
  ],
  [
    "marks of another program in our bits",
    ({ host }) =>
      host.run(
        "nft",
        "table ip other { chain x { type filter hook forward priority 5; meta mark set 0x1000000; }; }",
      ),
    "warning",
    /mark that are Netloom's.*table ip other/,
    /other bits/,
  ],
  [
    "a link of ours without a record",
    async (fixture) => {
      await fixture.engine(({ paths }) => listRecords(paths).map((r) => removeRecord(paths, r)));
    },
    "warning",
    /Link "nl[0-9a-f]{11}" is of an attachment that has no record/,
    /ip link delete nl/,
  ],
  [
    "a shim that no record names",
    ({ host }) => {
      host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "wire");
      host.run("ip", "link", "add", "nls-eth7", "link", "eth7", "type", "macvlan");
      host.run("ip", "link", "set", "nls-eth7", "alias", "netloom:cni");
    },
    "warning",
    /Link "nls-eth7" \(macvlan\) was made for attachments, and none names it/,
    /netloom clean/,
  ],
  [
    "an element of our tables without a record",
    ({ host }) => {
      const table = ["inet", "netloom_cni", "masquerade4"];
      const value = ["{", "10.88.0.9", "comment", '"netloom:cni:00112233445566aa"'];
      host.run("nft", "add", "element", ...table, ...value, ":", "accept", "}");
    },
    "warning",
    /1 element of our nftables sets is of an attachment that has no record/,
    /netloom clean/,
  ],
  [
    "a namespace that went without a DEL",
    (_, { netns }) => netns[Symbol.dispose](),
    "warning",
    /its namespace .* is gone: its runtime has not sent DEL/,
    /GC/,
  ],
  [
    "a spoilt record",
    ({ paths }) => writeFileSync(`${paths.stateDir}/attachments/0123.bridge.json`, "{"),
    "warning",
    /0123\.bridge\.json is no readable record/,
    /netloom clean/,
  ],
  [
    "an address of a container that nobody knows",
    () => files({ "/var/lib/cni/networks/blue/10.88.0.9": "c9\r\neth0" }),
    "warning",
    /10\.88\.0\.9 is reserved for container "c9", which neither/,
    /rm \/var\/lib\/cni\/networks\/blue\/10\.88\.0\.9/,
  ],
  [
    "a configuration that is no JSON",
    () => files({ "/etc/cni/net.d/10-x.conflist": "{" }),
    "fault",
    /10-x\.conflist: JSON/,
    /correct/,
  ],
  [
    "two configurations of one network",
    () => {
      const text = conflist("blue", { type: "bridge" });
      files({ "/etc/cni/net.d/1.conflist": text, "/etc/cni/net.d/2.conflist": text });
      files({ "/opt/cni/bin/bridge": "" });
    },
    "fault",
    /Two files configure network "blue"/,
    /rename/,
  ],
  [
    "a parent that does not exist",
    () => {
      files({ "/etc/cni/net.d/1.conf": conflist("lan", { type: "macvlan", master: "eth7" }) });
      files({ "/opt/cni/bin/macvlan": "" });
    },
    "fault",
    /Network "lan" .* stands on link "eth7", which does not exist/,
    /ip -br link/,
  ],
  [
    "a parent that is down",
    ({ host }) => {
      host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "wire");
      files({ "/etc/cni/net.d/1.conf": conflist("lan", { type: "macvlan", master: "eth7" }) });
      files({ "/opt/cni/bin/macvlan": "" });
    },
    "fault",
    /link "eth7", which is down/,
    /ip link set eth7 up/,
  ],
  [
    "an MTU larger than the parent's",
    ({ host }) => {
      host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "wire");
      host.run("ip", "link", "set", "eth7", "up", "mtu", "1400");
      const plugin = { type: "macvlan", master: "eth7", mtu: 1450 };
      files({ "/etc/cni/net.d/1.conf": conflist("lan", plugin), "/opt/cni/bin/macvlan": "" });
    },
    "warning",
    /MTU of 1450 bytes, and link "eth7" one of 1400/,
    /"mtu": 1400/,
  ],
  [
    "a plugin that is not installed",
    () => {
      const plugin = { type: "bridge", ipam: { type: "host-local" } };
      files({ "/etc/cni/net.d/1.conf": conflist("blue", plugin), "/opt/cni/bin/bridge": "" });
    },
    "warning",
    /needs the plugin "host-local", which is in none of/,
    /install it into \/opt\/cni\/bin/,
  ],
  [
    "a plugin's link that leads nowhere",
    () => {
      mkdirSync(join(root, "opt/cni/bin"), { recursive: true });
      symlinkSync("/nowhere/netloom", join(root, "opt/cni/bin/bridge"));
    },
    "fault",
    /bridge leads nowhere/,
    /make install/,
  ],
  [
    "a folder that others may write to",
    () => {
      files({ "/etc/cni/net.d/x": "" });
      chmodSync(join(root, "etc/cni/net.d"), 0o777);
    },
    "fault",
    /Others than root may write to \/etc\/cni\/net\.d/,
    /chmod go-w/,
  ],
];

describe("is told, with what mends it:", () => {
  test.each(troubles)("%s", async (_, spoil, level, what, mend) => {
    using fixture = new EngineFixture("doctor");
    const box = fixture.box();
    await fixture.attach(box, wish);
    await spoil(fixture, box);
    const found = await bad(fixture);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ level, what: expect.stringMatching(what) });
    expect(found[0]!.mend ?? "").toMatch(mend);
  });
});
