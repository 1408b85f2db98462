/** Whether libnftables is there, and which. */
import { readFileSync, realpathSync } from "node:fs";
import { NftError } from "../kernel/nft/error.ts";
import { Libnftables } from "../kernel/nft/libnftables.ts";
import { type Finding, fault, fine, warning } from "./finding.ts";

/** The oldest that the tests run with: nftables 1.0.6. */
const tested = [1, 1, 0];

export function libnftables(): Finding[] {
  try {
    using _library = new Libnftables();
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return [fault(error.message, "apt-get install libnftables1")];
  }
  const version = loadedVersion();
  if (version === undefined) return [fine("libnftables is there")];
  const parts = version.split(".").map(Number);
  const at = tested.findIndex((part, i) => part !== (parts[i] ?? 0));
  const isOlder = at >= 0 && (parts[at] ?? 0) < tested[at]!;
  const said = `libnftables is there, library version ${version}`;
  return [isOlder ? warning(`${said}, older than any tested`, upgrade) : fine(said)];
}

const upgrade = "apt-get install --only-upgrade libnftables1";

/** The loaded file's name ends in its version: `libnftables.so.1.1.0`. */
function loadedVersion(): string | undefined {
  const line = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .find((one) => one.includes("/libnftables.so"));
  const path = line?.slice(line.indexOf("/"));
  return path && /\.so\.([\d.]+)$/.exec(realpathSync(path))?.[1];
}
