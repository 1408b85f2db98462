/** `sbr`: each address has a table of its own, and packets take it. */
import { describe, expect, test } from "bun:test";
import { probe } from "../support/traffic.ts";
import { ExtrasStage, ways } from "./stage.ts";

const show = `set +e
  { ip rule; ip -6 rule; } | grep -v 'lookup \\(local\\|main\\|default\\)'
  for t in main 100 101; do
    for f in -4 -6; do echo $t $f; ip $f route show table $t 2>/dev/null; done
  done; true`;

describe.each(ways)("sbr %s", (way) => {
  test("routes by source, CHECK passes, and DEL leaves nothing", async () => {
    await using stage = await ExtrasStage.create(way, { sbr: {} });
    await stage.add();
    const text = await stage.host.shell(show, stage.container);
    expect(text).toContain("from 10.5.0.2 lookup 100");
    expect(text).toContain("from fd05::2 lookup 101");
    const [main4, main6, first4, , , second6] = text.split(/^(?:main|100|101) -[46]$/m).slice(1);
    expect(main4!.trim()).toBe("");
    expect(
      main6!
        .trim()
        .split("\n")
        .every((line) => line.startsWith("fe80::/64")),
    ).toBe(true);
    expect(first4).toContain("default via 10.5.0.1 dev eth0");
    expect(first4).toContain("10.5.0.0/24 dev eth0");
    expect(second6).toContain("default via fd05::1 dev eth0");
    expect(second6).toContain("fd05::/64 dev eth0");
    const reached = await probe(stage.host.netns, [
      { kind: "ping", address: "10.5.0.2" },
      { kind: "ping", address: "fd05::2" },
    ]);
    expect(reached).toEqual(["reached", "reached"]);
    await stage.host.shell("ping -c1 -W2 -I 10.5.0.2 198.51.100.1", stage.container);
    expect((await stage.call("CHECK")).stdout).toBe("");
    await stage.host.shell("ip rule del from 10.5.0.2", stage.container);
    expect((await stage.call("CHECK")).json.msg).toContain(
      // The bridge is asked first, and misses its way out.
      way === "chained" ? "route to 0.0.0.0/0" : "rule from 10.5.0.2/32 to table 100",
    );
    expect((await stage.call("DEL")).stdout).toBe("");
    expect(await stage.host.shell("ip rule | wc -l", stage.container)).toBe("3\n");
    expect((await stage.call("DEL")).stdout).toBe("");
  });
});

test("sbr gives the routes back when it alone is taken away", async () => {
  await using stage = await ExtrasStage.create("chained", { sbr: {} });
  await using other = await ExtrasStage.create("chained", { tuning: { promisc: true } });
  await stage.add();
  await other.add();
  await stage.removeExtras();
  const look = async ({ host, container }: ExtrasStage) =>
    (await host.shell(`sleep 0; ${show}`, container)).replaceAll(/ proto \w+/g, "");
  expect(await look(stage)).toBe(await look(other));
  expect((await stage.call("DEL")).stdout).toBe("");
});

test("a second attachment takes tables that are free, and keeps them", async () => {
  await using stage = await ExtrasStage.create("chained", { sbr: {} });
  await stage.add();
  await stage.host.shell("ip rule add from 192.0.2.1 table 102", stage.container);
  const second = await stage.call("ADD", { ifName: "eth1" });
  expect(second.ok, second.stdout).toBe(true);
  const text = await stage.host.shell(show, stage.container);
  expect(text).toContain("from 10.5.0.3 lookup 103");
  expect(text).toContain("from fd05::3 lookup 104");
  await stage.call("DEL", { ifName: "eth1", prevResult: second.json });
  const after = await stage.host.shell(show, stage.container);
  expect(after).not.toContain("lookup 103");
  expect(after).toContain("from 10.5.0.2 lookup 100");
});

test("sbr with a table of the user's adds rules alone", async () => {
  await using stage = await ExtrasStage.create("chained", { sbr: { table: 500 } });
  await stage.add();
  const text = await stage.host.shell(show, stage.container);
  expect(text).toContain("from 10.5.0.2 lookup 500");
  expect(text).toContain("from fd05::2 lookup 500");
  expect(text).toContain("default via 10.5.0.1");
  expect((await stage.call("CHECK")).stdout).toBe("");
});
