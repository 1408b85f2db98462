/**
 * `make soak`: the whole comparison with the reference plugins, here and in the VM, plugins killed
 * at each point, a million operations on blocks of addresses, five minutes in which processes are
 * killed, a hundred moves of ports of each type, a minute without etcd, then the load suite again
 * and again, each time from another seed, until time is up.
 */

const operations = Number(process.env.NETLOOM_OPERATIONS ?? 1_000_000);
const chaosSeconds = Number(process.env.NETLOOM_CHAOS_SECONDS ?? 300);
const minutes = Number(process.env.MINUTES ?? 10);
const deadline = Date.now() + minutes * 60_000;
let seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
let rounds = 0;

console.log("All that is compared with the reference plugins");
run("differential");
run("differential", "--vm");
console.log("Plugins killed at each point");
run("crash");
console.log(`${operations} operations on blocks, seed ${seed} (NETLOOM_SEED=${seed} repeats them)`);
run("src/ipam/model.test.ts");
console.log(`\n${chaosSeconds} s of chaos, seed ${seed} (NETLOOM_SEED=${seed} repeats it)`);
run("chaos");
console.log("Ports moved, again and again; etcd away for a minute");
run("test/cluster/moves.test.ts");
run("test/cluster/outage.test.ts");
do {
  rounds++;
  console.log(`\nRound ${rounds}, seed ${seed} (NETLOOM_SEED=${seed} repeats it)`);
  run("load");
  seed = (seed + 1) % 1_000_000;
} while (Date.now() < deadline);

console.log(`\n${rounds} rounds without a failure or a leftover`);

/** Runs a suite or test file with this seed; its failure ends all. */
function run(name: string, ...flags: readonly string[]): void {
  const argv = [process.execPath, `${import.meta.dir}/test.ts`, ...flags, name];
  const { success } = Bun.spawnSync(argv, {
    env: {
      ...process.env,
      NETLOOM_WHOLE: "1",
      NETLOOM_SEED: String(seed),
      NETLOOM_OPERATIONS: String(operations),
      NETLOOM_CHAOS_SECONDS: String(chaosSeconds),
      NETLOOM_MOVES: "100",
      NETLOOM_OUTAGE_SECONDS: "60",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (success) return;
  console.error(`"${name}" failed with seed ${seed}`);
  process.exit(1);
}
