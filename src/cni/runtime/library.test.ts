/** Tests what the library exports, as its documentation shows it. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import {
  addNetwork,
  attachments,
  CniError,
  checkNetwork,
  delNetwork,
  gcNetwork,
  loadNetworkFile,
  statusNetwork,
} from "../../index.ts";
import { FakePlugins } from "../fake-plugins.ts";

test("a program attaches and detaches a container with what the library exports", async () => {
  using fakes = new FakePlugins("one");
  const cacheDir = mkdtempSync(`${tmpdir()}/netloom-library-`);
  try {
    const runtime = { path: [fakes.folder], cacheDir };
    const file = `${cacheDir}/demo.conflist`;
    const document = { cniVersion: "1.1.0", name: "demo", plugins: [{ type: "one" }] };
    writeFileSync(file, JSON.stringify(document));
    const network = loadNetworkFile(file);
    fakes.on("one", "ADD", { prints: { ips: [{ address: "10.1.0.5/24" }] } });
    const attachment = { containerId: "web-1", ifName: "eth0", netns: "/run/netns/web-1" };

    await statusNetwork(runtime, network);
    const { ips } = await addNetwork(runtime, network, attachment);
    expect(ips).toEqual([{ address: "10.1.0.5/24" }]);
    await checkNetwork(runtime, network, attachment);
    expect(attachments(runtime)).toMatchObject([{ network: "demo", containerId: "web-1" }]);
    await gcNetwork(runtime, network, [attachment]);
    await delNetwork(runtime, network, attachment);
    expect(attachments(runtime)).toEqual([]);
    expect(fakes.order).toEqual(["STATUS one", "ADD one", "CHECK one", "GC one", "DEL one"]);

    fakes.on("one", "ADD", { prints: { code: 11, msg: "busy" }, exits: 1 });
    const failure = await addNetwork(runtime, network, attachment).catch((error) => error);
    expect(failure).toBeInstanceOf(CniError);
    expect(failure.code).toBe(11);
  } finally {
    rmSync(cacheDir, { recursive: true });
  }
});
