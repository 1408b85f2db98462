/** The run fails for each kind of thing that a suite leaves on the machine, and names it. */
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const leavings: [what: string, script: string, said: RegExp][] = [
  ["a link", "ip link add nlleft type bridge", /left: link nlleft/],
  ["a namespace", "ip netns add nlleft", /left: namespace nlleft/],
  ["an nftables table", "nft add table inet nlleft", /left: nftables table inet nlleft/],
  ["a process", "sleep 77 >/dev/null 2>&1 </dev/null &", /left: process \d+ sleep 77/],
  ["a mount", 'mkdir "$TMPDIR/m" && mount -t tmpfs x "$TMPDIR/m"', /left: mount .*\/m/],
  ["a file", "mkdir /run/cni/a && touch /run/cni/a/nlleft", /left: file \/run\/cni\/a\/nlleft/],
  ["a temporary folder", 'mkdir "$TMPDIR/nlleft"', /left: file .*nlleft/],
  [
    "forwarding",
    "f=/proc/sys/net/ipv4/ip_forward; echo $((1 - $(cat $f))) >$f",
    /left: sysctl net\/ipv4\/ip_forward=/,
  ],
];

describe("a suite that leaves something fails the run, which names", () => {
  let run: { status: number; text: string };
  beforeAll(() => {
    run = runWith(leavings.map(([, script]) => `${script}\n`).join(""));
  });
  test.each(leavings)("%s", (_what, _script, said) => {
    expect(run.text).toMatch(said);
    expect(run.text).toContain("\n1 passed, 1 failed, 0 skipped\n");
    expect(run.status).toBe(1);
  });
});

test("a suite that leaves nothing has this as one more passed test", () => {
  const run = runWith("ip link add nlleft type bridge && ip link del nlleft; sleep 0.2 &");
  expect(run.text).toContain("\n2 passed, 0 failed, 0 skipped\n");
  expect(run.status).toBe(0);
});

/** Runs a project of one kernel test that runs `script`, on a private host of its own. */
function runWith(script: string): { status: number; text: string } {
  const root = mkdtempSync(join(tmpdir(), "netloom-leave-"));
  try {
    mkdirSync(join(root, "src"));
    writeFileSync(
      join(root, "src/a.kernel.test.ts"),
      `import { expect, test } from "bun:test";
      test("leaves something", () => {
        const done = Bun.spawnSync(["sh", "-c", ${JSON.stringify(script)}], { stdin: "ignore" });
        expect(done.exitCode).toBe(0);
      });`,
    );
    const { NETLOOM_PRIVATE_HOST: _, ...env } = process.env;
    const argv = [process.execPath, join(import.meta.dir, "test.ts"), "--root", root, "kernel"];
    const run = Bun.spawnSync(argv, { env, stderr: "pipe" });
    return { status: run.exitCode, text: `${run.stdout}${run.stderr}` };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
