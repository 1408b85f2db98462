/** ADD and DEL take about as long with 60,000 reservations as with 100. */
import { expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { type StoreFixture, storeFixture } from "../../src/engine/host-local/store-fixture.ts";
import { formatIp, parseIp } from "../../src/lib/ip.ts";

/** Fills the directory as another program would, quickly. */
function fill(store: StoreFixture, first: string, count: number): void {
  mkdirSync(store.path, { recursive: true });
  const { family, value } = parseIp(first);
  for (let n = 0; n < count; n++) {
    const fd = openSync(`${store.path}/${formatIp({ family, value: value + BigInt(n) })}`, "w");
    writeSync(fd, `filler${n}\r\neth0`);
    closeSync(fd);
  }
  store.write("last_reserved_ip.0", formatIp({ family, value: value + BigInt(count - 1) }));
}

/** Median milliseconds of an ADD and of a DEL, each by a store of its own as a process has it. */
function measure(store: StoreFixture, ipam: unknown, rounds = 80): { add: number; del: number } {
  store.add("warm", ipam); // builds the index
  const timesOf = { add: [] as number[], del: [] as number[] };
  for (let n = 0; n < rounds; n++) {
    const started = performance.now();
    store.add(`c${n}`, ipam);
    const added = performance.now();
    store.del(`c${n}`);
    timesOf.add.push(added - started);
    timesOf.del.push(performance.now() - added);
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]!;
  return { add: median(timesOf.add), del: median(timesOf.del) };
}

const pools: [string, { subnet: string; first: string; count: number }][] = [
  ["an IPv4 /16", { subnet: "10.1.0.0/16", first: "10.1.0.2", count: 60_000 }],
  // 65,533 can be given; the few free ones lie behind them all.
  ["a nearly full IPv4 /16", { subnet: "10.1.0.0/16", first: "10.1.0.2", count: 65_530 }],
  ["an IPv6 /64", { subnet: "fd00::/64", first: "fd00::2", count: 20_000 }],
];

test.each(pools)(
  "in %s",
  async (name, { subnet, first, count }) => {
    using small = storeFixture();
    fill(small, first, 100);
    const few = measure(small, subnet);
    using large = storeFixture();
    fill(large, first, count);
    const started = performance.now();
    large.find("nobody");
    const rebuild = performance.now() - started;
    const many = measure(large, subnet);
    const ms = (value: number) => `${value.toFixed(2)} ms`;
    console.log(
      `${name}: ADD ${ms(few.add)} at 100, ${ms(many.add)} at ${count}; ` +
        `DEL ${ms(few.del)} and ${ms(many.del)}; index built in ${ms(rebuild)}`,
    );
    // One by one it would be 200 times and more.
    expect(many.add / few.add).toBeLessThan(5);
    expect(many.del / few.del).toBeLessThan(5);
  },
  110_000,
);
