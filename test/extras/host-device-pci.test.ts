/** `host-device` with hardware: network cards on a PCI bus, which come back by themselves. */
import { afterEach, beforeEach, expect } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "../support/kernel-features.ts";
import { ourDir, referenceDir } from "../support/reference.ts";
import { type Finished, run, shell } from "../support/run.ts";

type Keys = Readonly<Record<string, unknown>>;

const { test } = needs("pci cards");
/** A card that nothing else of the VM uses, joined to `eth3`. */
const card = "eth2";
const container = `nlt${process.pid}-pci`;
const netns = `/var/run/netns/${container}`;

let dir: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "nlt-pci-"));
  await shell(`ip netns add ${container}
    ip addr add 10.9.0.1/24 dev ${card}; ip addr add fd09::1/64 dev ${card} nodad
    ip link set ${card} up; ip route add 192.0.2.0/24 via 10.9.0.7 metric 77`);
});
afterEach(async () => {
  await shell(`ip netns del ${container} 2>/dev/null || true
    ip link set ${card} down 2>/dev/null; ip addr flush dev ${card} 2>/dev/null; true`);
  rmSync(dir, { recursive: true, force: true });
});

/** In the namespace of the test itself: there the cards are. */
async function call(
  command: string,
  more: Keys,
  plugins = ourDir(),
): Promise<Finished & { json: any }> {
  const { gone, ...keys } = more;
  const answer = await run([join(plugins, "host-device")], {
    stdin: JSON.stringify({ cniVersion: "1.1.0", name: "net", type: "host-device", ...keys }),
    env: {
      ...{ CNI_COMMAND: command, CNI_CONTAINERID: "one", CNI_IFNAME: "eth0", CNI_PATH: plugins },
      ...(gone ? {} : { CNI_NETNS: netns }),
      ...{ NETLOOM_STATE_DIR: join(dir, "state"), NETLOOM_RUN_DIR: join(dir, "run") },
    },
  });
  let json: any;
  try {
    json = JSON.parse(answer.stdout);
  } catch {}
  return { ...answer, json };
}

const look = () =>
  shell(`ip -br link show dev ${card} | awk '{print $1, $3}'
    ip -o addr show dev ${card} scope global | sed 's/^[0-9]*: //'
    ip route show dev ${card}; ip -6 route show dev ${card} | grep -v fe80; true`);

/** The card's folder below /sys/devices, without the bus that virtio puts below it. */
const kernelpath = () => realpathSync(`/sys/class/net/${card}/device`);
const pciBusID = () =>
  kernelpath()
    .split("/")
    .findLast((part) => /^[0-9a-f]{4}:/.test(part))!;

const ways: [string, () => Keys][] = [
  ["its name", () => ({ device: card })],
  ["its PCI address", () => ({ pciBusID: pciBusID() })],
  ["the runtime's choice", () => ({ runtimeConfig: { deviceID: pciBusID() } })],
  ["its path in /sys", () => ({ kernelpath: kernelpath() })],
];

for (const [name, selector] of ways) {
  test(`a card is found by ${name}, as by the reference, and comes back as it was`, async () => {
    const before = await look();
    const mac = (await shell(`cat /sys/class/net/${card}/address`)).trim();
    const config = selector();
    for (const plugins of [referenceDir("1.9.1"), ourDir()]) {
      const added = await call("ADD", config, plugins);
      expect(added.json?.interfaces?.[0]?.mac, added.stdout).toBe(mac);
      expect(await shell(`ip -n ${container} -br link show dev eth0`)).toContain("UP");
      expect(existsSync(`/sys/class/net/${card}`)).toBe(false);
      // The reference looks for the PCI device's driver, which stays, and for the link, which went.
      const removed = await call("DEL", config, plugins);
      expect(removed.stdout).toBe("");
      if (plugins === ourDir()) break;
      await shell(`ip link set ${card} up
        ip addr add 10.9.0.1/24 dev ${card} 2>/dev/null; ip addr add fd09::1/64 dev ${card} nodad 2>/dev/null
        ip route replace 192.0.2.0/24 via 10.9.0.7 metric 77`);
    }
    expect(await look()).toBe(before);
  });
}

test("a card whose namespace died comes back to its name, addresses and routes", async () => {
  const before = await look();
  const added = await call("ADD", { pciBusID: pciBusID() });
  expect(added.status, added.stdout).toBe(0);
  await shell(`ip netns del ${container}`);
  // The kernel takes its time over a dead namespace; the name `eth0` is taken on this host.
  const isBack = `for i in $(seq 300); do ip -o link | grep -q "alias ${card}" && exit 0; sleep 0.1; done; exit 1`;
  await shell(isBack);
  expect(readdirSync("/sys/class/net")).not.toContain(card);
  expect((await call("DEL", { pciBusID: "0000:00:00.0", gone: true })).stdout).toBe("");
  expect(await look()).toBe(before);
  expect((await call("DEL", { device: card, gone: true })).stdout).toBe("");
});
