/** The package as a stranger has it: by its name, in a project of his own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ControlPlane } from "../store/control-plane.ts";
import { run } from "../support/run.ts";

const root = resolve(import.meta.dir, "../..");
const plane = new ControlPlane();
const project = mkdtempSync(join(tmpdir(), "netloom-stranger-"));
const env = () => ({
  HOME: project,
  PATH: process.env.PATH ?? "",
  NETLOOM_SERVER: `unix:${plane.dir}/none.sock,unix:${plane.dir}/run/api.sock`,
});

beforeAll(async () => {
  mkdirSync(`${project}/node_modules`);
  symlinkSync(root, `${project}/node_modules/netloom`);
  writeFileSync(`${project}/package.json`, JSON.stringify({ name: "stranger", type: "module" }));
  copyFileSync(`${root}/examples/client.ts`, `${project}/client.ts`);
  await plane.start();
});

afterAll(async () => {
  await plane.remove();
  rmSync(project, { recursive: true });
});

const program = (name: string, ...words: string[]) =>
  run([process.execPath, name, ...words], { env: env(), cwd: project });

test("the example makes a network, sees it ready, and leaves nothing", async () => {
  const { status, stdout, stderr } = await program("client.ts", "blue");
  expect([status, stderr]).toEqual([0, ""]);
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toBe("added: blue");
  expect(lines).toContain("changed: blue, ready");
  expect(lines).toContain("1 of 1: mtu 1400");
  const gone = async () => (await plane.netloom("get", "networks,subnets", "-o", "name")).stdout;
  while ((await gone()) !== "") await Bun.sleep(50);
});

test("a refusal reads as the server says it", async () => {
  const { status, stderr } = await program("client.ts", "Blue");
  expect(status).toBe(1);
  expect(stderr).toContain(
    'refused: Invalid: Network.netloom.dev "Blue" is invalid: metadata.name',
  );
});

test("what the client needs is there under both names, and nothing of Linux under one", async () => {
  writeFileSync(
    `${project}/names.ts`,
    `import * as whole from "netloom";
     import * as own from "netloom/client";
     const missing = Object.keys(own).filter((name) => whole[name] !== own[name]);
     console.log(JSON.stringify({ missing, has: Object.keys(own).length > 20 }));`,
  );
  const { stdout, stderr } = await program("names.ts");
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({ missing: [], has: true });
  const bundle = await Bun.build({ entrypoints: [`${root}/src/api/index.ts`], target: "browser" });
  expect(await bundle.outputs[0]!.text()).not.toMatch(/from\s*"(node|bun):/);
});

test("its types say what an object may have", async () => {
  writeFileSync(
    `${project}/wrong.ts`,
    `import { client, networkKind } from "netloom/client";
     const networks = client(async () => new Response()).of(networkKind);
     await networks.create({ metadata: { name: "a" }, spec: { type: "brigde" } });`,
  );
  const options = ["--noEmit", "--strict", "--allowImportingTsExtensions", "--skipLibCheck"];
  const modules = ["--module", "esnext", "--moduleResolution", "bundler", "--target", "esnext"];
  const tsc = `${root}/node_modules/.bin/tsc`;
  const check = (name: string) =>
    run([tsc, ...options, ...modules, "--types", "", name], { env: env(), cwd: project });
  const { status, stdout } = await check("wrong.ts");
  expect(status).not.toBe(0);
  expect(stdout.match(/error TS/g)).toHaveLength(1);
  expect(stdout).toContain(`Type '"brigde"' is not assignable to type`);
});
