/** `make soak`: the load suite again and again, each time from another seed, until time is up. */

const minutes = Number(process.env.MINUTES ?? 10);
const deadline = Date.now() + minutes * 60_000;
let seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
let rounds = 0;

do {
  rounds++;
  console.log(`\nRound ${rounds}, seed ${seed} (NETLOOM_SEED=${seed} repeats it)`);
  const argv = [process.execPath, `${import.meta.dir}/test.ts`, "load"];
  const run = Bun.spawnSync(argv, {
    env: { ...process.env, NETLOOM_SEED: String(seed) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (!run.success) {
    console.error(`Round ${rounds} failed with seed ${seed}`);
    process.exit(1);
  }
  seed = (seed + 1) % 1_000_000;
} while (Date.now() < deadline);

console.log(`\n${rounds} rounds without a failure or a leftover`);
