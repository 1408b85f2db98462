/** libnftables in process, against the kernel in a fresh namespace, judged by `nft`. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../netns/netns.ts";
import { NftError } from "./error.ts";
import { Libnftables } from "./libnftables.ts";

const one = `${namedNetnsDir}/nlnft-lib1`;
const other = `${namedNetnsDir}/nlnft-lib2`;

/** What nft itself shows inside a namespace. */
function nft(path: string, ...args: string[]): string {
  const result = Bun.spawnSync(["nsenter", `--net=${path}`, "nft", ...args]);
  return result.stdout.toString() + result.stderr.toString();
}

beforeAll(() => {
  createNetns(one);
  createNetns(other);
});
afterAll(() => {
  removeNetns(one);
  removeNetns(other);
});

/** The error that `work` throws, as an NftError. */
function refused(work: () => void): NftError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(NftError);
    return error as NftError;
  }
  throw new Error("nothing was refused");
}

test("a script takes effect in the namespace that the thread is in, and only there", () => {
  inNetns(one, () => {
    using nftables = new Libnftables();
    nftables.run("add table inet here");
  });
  expect(nft(one, "list", "tables")).toBe("table inet here\n");
  expect(nft(other, "list", "tables")).toBe("");
});

test("a context stays in the namespace where it was made, wherever it runs later", () => {
  const nftables = inNetns(other, () => new Libnftables());
  nftables.run("add table inet kept");
  expect(nft(other, "list", "tables")).toBe("table inet kept\n");
  inNetns(one, () => nftables.run("delete table inet kept"));
  expect(nft(other, "list", "tables")).toBe("");
  nftables[Symbol.dispose]();
});

test("a script with one bad line changes nothing, and the error names the line", () => {
  inNetns(one, () => {
    using nftables = new Libnftables();
    const error = refused(() =>
      nftables.run("add table inet half\nadd chain inet absent c\nadd table inet rest", {
        op: "install the skeleton",
      }),
    );
    expect(error.code).toBe("ENOENT");
    expect(error.line).toBe(2);
    expect(error.message).toBe(
      'Cannot install the skeleton: No such file or directory in "add chain inet absent c"',
    );
    expect(error.text).toContain("^^^^^^");
  });
  expect(nft(one, "list", "tables")).not.toContain("half");
});

test("text that nft cannot read gives code syntax, and the next run starts clean", () => {
  inNetns(one, () => {
    using nftables = new Libnftables();
    const error = refused(() => nftables.run("add table inet fine\nfrobnicate everything"));
    expect([error.code, error.line]).toEqual(["syntax", 2]);
    expect(refused(() => nftables.run("add table inet x\0y")).code).toBe("syntax");
    nftables.run("add table inet after");
    expect(nftables.listText("list tables")).toContain("table inet after");
    expect(nftables.listText("list tables")).not.toContain("fine");
  });
});

test("check-only verifies against the kernel and changes nothing", () => {
  inNetns(one, () => {
    using nftables = new Libnftables();
    nftables.run("add table inet planned\nadd chain inet planned c", { checkOnly: true });
    const error = refused(() =>
      nftables.run("add chain inet planned c { type nat hook forward priority 0; }", {
        checkOnly: true,
      }),
    );
    expect(error.code).toBe("ENOENT");
    nftables.run("add table inet real");
  });
  expect(nft(one, "list", "tables")).not.toContain("planned");
  expect(nft(one, "list", "tables")).toContain("real");
});

test("listing as JSON agrees with nft -j", () => {
  const rules = "add table inet j\nadd chain inet j c\nadd rule inet j c meta l4proto tcp accept";
  const listed = inNetns(one, () => {
    using nftables = new Libnftables();
    nftables.run(rules);
    return nftables.listJson("list table inet j");
  });
  expect(JSON.stringify(listed)).toBe(
    JSON.stringify(
      JSON.parse(nft(one, "-j", "-y", "-s", "-p", "list", "table", "inet", "j")).nftables,
    ),
  );
});

test("a missing library is named together with its Debian package", () => {
  const error = refused(() => new Libnftables("libnftables.so.404"));
  expect(error.code).toBe("ENOPKG");
  expect(error.message).toContain(
    '"libnftables.so.404" is missing: install Debian\'s "libnftables1"',
  );
  expect(error.cause).toBeInstanceOf(Error);
});
