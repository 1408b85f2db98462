/** Bad state: files that were spoilt, and disks that take nothing. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { shell } from "../support/run.ts";
import { expectError, Stage } from "./exam.ts";

let stage: Stage;
let mounts: string[] = [];
beforeEach(async () => {
  stage = await Stage.create();
});
afterEach(async () => {
  for (const folder of mounts) await shell(`umount -l ${folder}`);
  mounts = [];
  await stage.host.remove();
});

const data = () => `${stage.host.dir}/data/good`;
const records = () => `${stage.host.dir}/state/attachments`;
const add = (more = {}) => stage.call({ config: stage.bridge(more) });
const del = (more = {}) => stage.call({ command: "DEL", config: stage.bridge(more) });

/** Mounts over the folder; what it held is hidden until the test ends. */
async function mountOver(folder: string, options: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await shell(`mount ${options} ${folder}`);
  mounts.unshift(folder);
}

/** Makes the folder read-only as it is. */
async function makeReadOnly(folder: string): Promise<void> {
  await shell(`mount --bind ${folder} ${folder}; mount -o remount,bind,ro ${folder}`);
  mounts.unshift(folder);
}

/** A file system without a free byte. */
async function makeFull(folder: string): Promise<void> {
  await mountOver(folder, "-t tmpfs -o size=16k tmpfs");
  await shell(`head -c 100000 /dev/zero >${folder}/filler || true`);
}

describe("a disk that takes nothing", () => {
  test("stops ADD with code 5 when reservations are read-only, and leaves nothing", async () => {
    await makeReadOnly(`${stage.host.dir}/data`);
    expectError(await add(), { code: 5, says: ["read-only", "mount it writable"] });
    await stage.expectUnharmed();
  });

  test("stops ADD with code 5 when records are read-only, and leaves nothing", async () => {
    await makeReadOnly(`${stage.host.dir}/state`);
    expectError(await add(), { code: 5, says: ["read-only", "state"] });
    await stage.expectUnharmed();
  });

  test("stops ADD with code 5 when it is full of others' reservations", async () => {
    const dataDir = `${stage.host.dir}/full`;
    await makeFull(dataDir);
    const ipam = stage.hostLocal({ dataDir });
    expectError(await add({ ipam }), { code: 5, says: ["disk is full", "free some space"] });
    await stage.expectUnharmed();
    expect(readdirSync(dataDir, { recursive: true })).not.toContain("good/10.81.0.10");
  });

  test("stops ADD with code 5 when there is no room for a record", async () => {
    const full = `${stage.host.dir}/full`;
    await makeFull(full);
    const env = { NETLOOM_STATE_DIR: full };
    const answer = await stage.call({ config: stage.bridge(), env });
    expectError(answer, { code: 5, says: ["disk is full", "free some space"] });
    await stage.expectUnharmed();
  });

  test("does not stop DEL of what was never attached", async () => {
    await makeReadOnly(`${stage.host.dir}/state`);
    expect((await del()).status).toBe(0);
  });
});

describe("a file where a folder must be", () => {
  test("stops ADD with code 5 in the place of the reservations", async () => {
    const file = `${stage.host.dir}/file`;
    writeFileSync(file, "");
    const ipam = stage.hostLocal({ dataDir: file });
    expectError(await add({ ipam }), { code: 5, says: [file] });
    await stage.expectUnharmed();
  });

  test("stops ADD with code 5 in the place of the state", async () => {
    const file = `${stage.host.dir}/file`;
    writeFileSync(file, "");
    const env = { NETLOOM_STATE_DIR: file };
    const answer = await stage.call({ config: stage.bridge(), env });
    expectError(answer, { code: 5, says: [file] });
    await stage.expectUnharmed();
  });
});

describe("a reservation", () => {
  for (const [name, content] of [
    ["an empty file", ""],
    ["bytes that are no text", "\u0000\u0001\u0002"],
    ["a megabyte", "x".repeat(1 << 20)],
  ] as const) {
    test(`that is ${name} stays reserved, and others are given`, async () => {
      writeFileSync(`${data()}/10.81.0.11`, content);
      const range = { subnet: "10.81.0.0/24", rangeStart: "10.81.0.10", rangeEnd: "10.81.0.12" };
      const ipam = stage.hostLocal({ ranges: [[range]] });
      const { json } = await add({ ipam });
      expect(json.ips[0].address).toBe("10.81.0.12/24");
      expect((await del({ ipam })).status).toBe(0);
      expect(readdirSync(data())).toContain("10.81.0.11");
    });
  }

  test("of a foreign name is no reservation and no hindrance", async () => {
    for (const name of ["README", "10.81.0", "10.81.0.11.bak"])
      writeFileSync(`${data()}/${name}`, "x");
    mkdirSync(`${data()}/folder`);
    const { json } = await add();
    expect(json.ips[0].address).toBe("10.81.0.11/24");
    expect((await del()).status).toBe(0);
    expect(readdirSync(data())).toEqual(
      expect.arrayContaining(["10.81.0", "10.81.0.11.bak", "README", "folder"]),
    );
  });

  test("index and last address that are spoilt are made anew", async () => {
    const state = `${stage.host.dir}/state`;
    await shell(`find ${state} ${stage.host.dir}/run -type f ! -path '*attachments*' |
      while read -r file; do echo garbage >"$file"; done`);
    writeFileSync(`${data()}/last_reserved_ip.0`, "garbage");
    expect((await add()).json.ips[0].address).toBe("10.81.0.11/24");
    expect((await del()).status).toBe(0);
    await stage.expectUnharmed();
  });

  test("lock that is a folder stops ADD with code 5", async () => {
    rmSync(`${data()}/lock`, { force: true });
    mkdirSync(`${data()}/lock`);
    expectError(await add(), { code: 5, says: [`${data()}/lock`, "folder"] });
    rmSync(`${data()}/lock`, { recursive: true });
    await stage.expectUnharmed();
  });
});

describe("an attachment's record", () => {
  for (const [name, content] of [
    ["empty", ""],
    ["cut short", '{"version":1,"id":"'],
    ["of another version", '{"version":99,"objects":[]}'],
    ["a list", "[]"],
    ["of no objects", '{"version":1,"objects":5}'],
    ["of objects that are none", '{"version":1,"objects":[null,5,{"kind":"x"}]}'],
  ] as const) {
    test(`that is ${name} doesn't keep DEL from removing the attachment`, async () => {
      const before = new Set(readdirSync(records()));
      expect((await add()).status).toBe(0);
      const own = readdirSync(records()).filter((file) => !before.has(file));
      expect(own).toHaveLength(1);
      writeFileSync(`${records()}/${own[0]}`, content);
      const gone = await del();
      expect(gone.stdout).toBe("");
      expect(gone.status).toBe(0);
      await stage.expectUnharmed();
    });

    test(`that is ${name} doesn't keep another container from being attached`, async () => {
      writeFileSync(`${records()}/0123456789abcdef.bridge.json`, content);
      const added = await add();
      expect(added.json.ips[0].address).toBe("10.81.0.11/24");
      expect((await del()).status).toBe(0);
      rmSync(`${records()}/0123456789abcdef.bridge.json`, { force: true });
      await stage.expectUnharmed();
    });
  }

  test("that is gone doesn't keep DEL from removing the attachment", async () => {
    const before = new Set(readdirSync(records()));
    await add();
    for (const file of readdirSync(records())) {
      if (!before.has(file)) rmSync(`${records()}/${file}`);
    }
    expect((await del()).status).toBe(0);
    await stage.expectUnharmed();
  });
});
