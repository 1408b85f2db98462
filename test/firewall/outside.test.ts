/** What other programs do to the host's firewall, and what isolation is worth then. */
import { describe, expect, test } from "bun:test";
import { ourDir, referenceDir } from "../support/reference.ts";
import { FlowStage } from "./stage.ts";

const isolated = { policies: ["isolated", "same-bridge"], bridged: true } as const;
const timeoutMs = 120_000;

/** Nothing crosses between the bridges, nor between isolated siblings. */
function expectIsolation(flows: Readonly<Record<string, boolean>>): void {
  const leaks = Object.entries(flows).filter(
    ([flow, passes]) => passes && /^(a1 > (a2|b\d)|b1 > a\d) /.test(flow),
  );
  expect(leaks).toEqual([]);
  expect(flows["b1 > b2 tcp4"]).toBe(true);
  expect(flows["a1 > outside tcp6"]).toBe(true);
}

/** As firewalld does when it is told to reload: its own table goes and comes. */
const reload = `nft add table inet firewalld
nft add chain inet firewalld forward '{ type filter hook forward priority 10; policy accept; }'
nft delete table inet firewalld; nft add table inet firewalld`;
const flushIptables = "iptables -F; iptables -X; ip6tables -F; ip6tables -X";

describe("isolation stands when", () => {
  test.each([
    ["iptables is flushed", flushIptables],
    ["another firewall reloads", reload],
  ])(
    "%s",
    async (_, script) => {
      await using stage = await FlowStage.create({ ...isolated, plugins: ourDir() });
      await stage.host.shell(script);
      expectIsolation(await stage.settledFlows());
      expect((await stage.call("CHECK", "a1")).stdout).toBe("");
    },
    timeoutMs,
  );
});

describe("isolation is back after nft flush ruleset, with", () => {
  test(
    "the next CHECK, which tells of it",
    async () => {
      await using stage = await FlowStage.create({ ...isolated, plugins: ourDir() });
      await stage.host.shell("nft flush ruleset");
      const answer = await stage.call("CHECK", "b1");
      expect(answer.json.code).toBe(103);
      expect(answer.json.msg).toContain("another program had erased Netloom's nftables tables");
      expectIsolation(await stage.settledFlows());
      expect((await stage.call("CHECK", "b1")).stdout).toBe("");
    },
    timeoutMs,
  );

  test(
    "the next ADD of any container",
    async () => {
      await using stage = await FlowStage.create({ ...isolated, plugins: ourDir() });
      expect((await stage.call("DEL", "b2")).stdout).toBe("");
      await stage.host.shell("nft flush ruleset");
      await stage.add("b2");
      expectIsolation(await stage.settledFlows());
    },
    timeoutMs,
  );
});

test(
  "isolation goes with the last container that asked for it",
  async () => {
    await using stage = await FlowStage.create({ ...isolated, plugins: ourDir() });
    const elements = async () =>
      (await stage.host.shell("nft list table inet netloom_cni")).match(/"(bra|brb)"/g)?.length ??
      0;
    expect(await elements()).toBeGreaterThan(0);
    for (const name of ["a1", "b1"] as const) expect((await stage.call("DEL", name)).ok).toBe(true);
    expect(await stage.host.shell("nft list set inet netloom_cni isolating")).toContain('"bra"');
    for (const name of ["a2", "b2"] as const)
      expect((await stage.call("DEL", name)).stdout).toBe("");
    const left = await stage.host.shell("nft list ruleset");
    expect(left).not.toMatch(/elements/);
  },
  timeoutMs,
);

describe("the administrator's chain", () => {
  const shared = "inet netloom_cni admin-CNI-ADMIN";
  test(
    "drops what he says, survives the table's repair, and keeps the table from clean",
    async () => {
      await using stage = await FlowStage.create({
        ...{ policies: ["open", "open"], bridged: true, plugins: ourDir() },
      });
      const rule = `nft add rule ${shared} ip saddr 10.7.1.11 ip daddr 198.51.100.2 drop`;
      await stage.host.shell(rule);
      await stage.host.shell(
        "nft delete rule inet netloom_cni forward handle $(nft -a list chain inet netloom_cni forward | sed -n 's/.*vmap @admin.*handle //p' | head -1)",
      );
      await stage.call("CHECK", "a1");
      expect((await stage.call("CHECK", "a1")).stdout).toBe("");
      const flows = await stage.settledFlows();
      expect(flows["a1 > outside tcp4"]).toBe(false);
      expect(flows["a1 > outside tcp6"]).toBe(true);
      expect(flows["b1 > outside tcp4"]).toBe(true);
      for (const name of ["a1", "a2", "b1", "b2"] as const) await stage.call("DEL", name);
      const { stdout } = await stage.host.run([`${ourDir()}/../netloom`, "clean"], {
        env: {
          NETLOOM_STATE_DIR: `${stage.host.dir}/state`,
          NETLOOM_RUN_DIR: `${stage.host.dir}/run`,
        },
      });
      expect(stdout).toContain("nftables table bridge netloom_cni");
      expect(await stage.host.shell(`nft list chain ${shared}`)).toContain("10.7.1.11");
    },
    timeoutMs,
  );

  test(
    "of a name of its own counts for its network alone",
    async () => {
      const firewall = { iptablesAdminChainName: "office" };
      await using stage = await FlowStage.create({
        ...{ policies: ["open", "open"], bridged: true, plugins: ourDir(), firewall },
      });
      await stage.host.shell(
        "nft add rule inet netloom_cni admin-office ip saddr 10.7.2.0/24 drop",
      );
      const flows = await stage.settledFlows();
      expect(flows["b1 > outside tcp4"]).toBe(false);
      expect(flows["a1 > outside tcp4"]).toBe(true);
      expect((await stage.call("CHECK", "a1")).stdout).toBe("");
    },
    timeoutMs,
  );
});

const drop = "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP";
const reject = "iptables -A FORWARD -j REJECT; ip6tables -A FORWARD -j REJECT";

describe("where another firewall drops what is forwarded", () => {
  test.each([
    ["by its policy", drop],
    ["by a rule", reject],
  ])(
    "%s, what containers send passes, as with the reference",
    async (_, prepare) => {
      const alike = { policies: ["open", "open"], bridged: false, prepare } as const;
      const results = [];
      for (const plugins of [referenceDir("1.9.1"), ourDir()]) {
        await using stage = await FlowStage.create({ ...alike, plugins });
        results.push(await stage.settledFlows());
      }
      const [reference, ours] = results as [Record<string, boolean>, Record<string, boolean>];
      // What is published is meant to be reached: ours passes it here too.
      const others = (flows: Record<string, boolean>) =>
        Object.fromEntries(Object.entries(flows).filter(([flow]) => !flow.includes("published")));
      expect(others(ours)).toEqual(others(reference));
      expect(ours["a1 > outside tcp4"]).toBe(true);
      expect(ours["a1 > outside tcp6"]).toBe(true);
      expect(ours["outside > a1 tcp4"]).toBe(false);
    },
    timeoutMs,
  );

  test(
    "the rule is put back by CHECK, and goes with clean",
    async () => {
      await using stage = await FlowStage.create({
        ...{ policies: ["open", "open"], bridged: false, plugins: ourDir(), prepare: drop },
      });
      const rules = () => stage.host.shell("iptables -S FORWARD");
      expect(await rules()).toMatch(/0x2000000\/0x2000000 .*-j ACCEPT/);
      await stage.host.shell(flushIptables);
      const answer = await stage.call("CHECK", "a1");
      expect(answer.json.msg).toContain("Netloom's rule in the forward chain");
      expect((await stage.call("CHECK", "a1")).stdout).toBe("");
      expect(await rules()).toMatch(/0x2000000\/0x2000000 .*-j ACCEPT/);
    },
    timeoutMs,
  );
});

describe("swapped under running containers", () => {
  test(
    "CHECK accepts what the reference made, DEL takes this container's rules away",
    async () => {
      await using stage = await FlowStage.create({ ...isolated, plugins: referenceDir("1.9.1") });
      const rules = async () => {
        const texts = ["iptables -S CNI-FORWARD", "ip6tables -S CNI-FORWARD"];
        return (await Promise.all(texts.map((text) => stage.host.shell(text)))).join("");
      };
      const check = await stage.call("CHECK", "a1", ourDir());
      expect(check.stdout).toBe("");
      expect(await rules()).toContain("10.7.1.11/32");
      const del = await stage.call("DEL", "a1", ourDir());
      expect(del.stdout).toBe("");
      expect(await rules()).not.toContain("10.7.1.11/32");
      expect(await rules()).not.toContain("fd07:1::11/128");
      expect(await rules()).toContain("10.7.1.12/32");
      await stage.host.shell("iptables -F CNI-FORWARD");
      const lost = await stage.call("CHECK", "b1", ourDir());
      expect(lost.json.msg).toContain('What "firewall" adds to "b1" is not in force');
    },
    timeoutMs,
  );
});
