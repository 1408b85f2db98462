/** Tests plugins on pipes that a runtime's event loop has made non-blocking. */
import { expect, test } from "bun:test";
import { ourDir } from "../support/reference.ts";
import { run } from "../support/run.ts";

/** Has the plugin read from a non-blocking pipe that fills late and in parts. */
const program = `
import os, subprocess, sys, time
end, pipe = os.pipe()
os.set_blocking(end, False)
plugin = subprocess.Popen([sys.argv[1]], stdin=end, stdout=subprocess.PIPE)
os.close(end)
for part in sys.argv[2:]:
    time.sleep(0.05)
    os.write(pipe, part.encode())
os.close(pipe)
sys.stdout.write(plugin.communicate()[0].decode())
sys.exit(plugin.returncode)
`;

test("standard input may come late and in parts", async () => {
  const parts = ['{"cniVersion": "1.1.0", ', '"name": "local", "note": "é', 'é"}'];
  const plugin = `${ourDir()}/loopback`;
  const argv = ["python3", "-c", program, plugin, ...parts];
  const status = await run(argv, { env: { CNI_COMMAND: "STATUS" } });
  expect(status).toEqual({ status: 0, stdout: "", stderr: "" });
  const del = await run(argv, { env: { CNI_COMMAND: "GC", CNI_PATH: "/x" } });
  expect(JSON.parse(del.stdout).msg).toContain("cni.dev/valid-attachments: missing");
});

test("a configuration of megabytes is read whole", async () => {
  const config = { cniVersion: "1.1.0", name: "local", note: "x".repeat(5_000_000) };
  const { status } = await run([`${ourDir()}/loopback`], {
    stdin: JSON.stringify(config),
    env: { CNI_COMMAND: "STATUS" },
  });
  expect(status).toBe(0);
});
