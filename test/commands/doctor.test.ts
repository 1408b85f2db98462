/** `netloom doctor` as the executable: what it prints, and its exit status. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.create();
});
afterAll(() => host.remove());

const doctor = (...words: readonly string[]) =>
  run([executable, "doctor", "--bin-dir", host.dir, "--conf-dir", host.dir, ...words], {
    netns: host.netns,
    env: { NETLOOM_STATE_DIR: `${host.dir}/state`, NETLOOM_RUN_DIR: `${host.dir}/run` },
  });

const configure = (plugin: object) => {
  const document = { cniVersion: "1.0.0", name: "lan", plugins: [plugin] };
  writeFileSync(`${host.dir}/1.conflist`, JSON.stringify(document));
  writeFileSync(`${host.dir}/macvlan`, "");
};

describe("netloom doctor", () => {
  test("says that all is well, area by area, with status 0", async () => {
    const { status, stdout } = await doctor();
    expect(stdout).toStartWith("kernel\n  ok    The kernel has veth pairs\n");
    for (const area of ["libnftables", "other firewalls", "addresses", "leftovers", "folders"]) {
      expect(stdout).toContain(`\n\n${area}\n  `);
    }
    expect(stdout).toEndWith("\nAll is well.\n");
    expect(status).toBe(0);
  });

  test("gives the same as JSON, and status 2 with a fault", async () => {
    configure({ type: "macvlan", master: "nolink" });
    const { status, stdout } = await doctor("--json");
    const { status: told, sections } = JSON.parse(stdout);
    expect([status, told]).toEqual([2, 2]);
    const networks = sections.find(({ area }: { area: string }) => area === "networks");
    expect(networks.findings).toEqual([
      {
        level: "fault",
        what: `Network "lan" (${host.dir}/1.conflist) stands on link "nolink", which does not exist`,
        mend: "ip -br link",
      },
    ]);
  });

  test("probes a link when asked", async () => {
    const { stdout } = await doctor("--probe", "lo");
    expect(stdout).toContain("network behind lo\n");
  });

  test("refuses what it does not know, and tells with --help what it does", async () => {
    expect(await doctor("now")).toMatchObject({
      status: 2,
      stderr: 'netloom: netloom doctor takes no "now": it looks at this host\n',
    });
    expect((await doctor("--help")).stdout).toContain("--probe LINK");
  });
});
