/** DEL and GC go by the record, whatever became of the configuration. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { callPlugin } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.create();
});
afterAll(() => host.remove());

const gone = { "cni.dev/valid-attachments": [] };

for (const [command, more] of [
  ["DEL", {}],
  ["GC", gone],
] as const) {
  test(`${command} of type netloom takes a container away whose driver is no longer named`, async () => {
    const container = await host.addContainer();
    const base = { cniVersion: "1.1.0", name: "lost", type: "netloom" };
    const call = { host, plugins: ourDir(), type: "netloom", containerId: command, container };
    const config = { ...base, driver: "bridge", bridge: "br86" };
    expect((await callPlugin({ ...call, command: "ADD", config })).ok).toBe(true);
    for (const driver of [undefined, "brigde"]) {
      const answer = await callPlugin({ ...call, command, config: { ...base, driver, ...more } });
      expect(answer.stdout).toBe("");
    }
    expect(await shell("ip -br link show type veth", { netns: container })).toBe("");
  });
}
