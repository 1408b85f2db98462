/** Tests which server is meant, and how one is reached. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namespaceKind } from "../../api/kinds/namespace.ts";
import { apiOf } from "./api.ts";
import { configPath, parseConfig, readConfig, writeConfig } from "./config.ts";
import { refusalOf } from "./credentials.ts";
import { settingsFrom } from "./settings.ts";

const config = {
  current: "prod",
  contexts: [
    {
      name: "prod",
      servers: ["https://a:7440", "https://b:7440"],
      namespace: "team-a",
      token: "t",
    },
    { name: "lab", servers: ["unix:/lab.sock"] },
  ],
};
const none = { contexts: [] };

describe("which server is meant", () => {
  test("this host's own, where nobody says otherwise", () => {
    expect(settingsFrom({}, {}, none)).toMatchObject({
      servers: ["unix:/run/netloom/api.sock"],
      namespace: "default",
    });
    expect(settingsFrom({}, { NETLOOM_RUN_DIR: "/r" }, none).servers).toEqual(["unix:/r/api.sock"]);
  });

  test("the current context's, with its namespace and token", () => {
    expect(settingsFrom({}, {}, config)).toMatchObject({
      servers: ["https://a:7440", "https://b:7440"],
      namespace: "team-a",
      token: "t",
      source: 'context "prod"',
    });
  });

  test("the more particular word counts, and takes nothing of another context", () => {
    const env = { NETLOOM_SERVER: "unix:/env.sock", NETLOOM_NAMESPACE: "team-b" };
    expect(settingsFrom({}, env, config)).toEqual({
      servers: ["unix:/env.sock"],
      source: "NETLOOM_SERVER",
      namespace: "team-b",
      token: undefined,
    });
    expect(settingsFrom({ context: "lab" }, env, config).servers).toEqual(["unix:/lab.sock"]);
    const wishes = { server: "/x.sock, https://c:1/", namespace: "n", token: "own" };
    expect(settingsFrom(wishes, env, config)).toEqual({
      servers: ["unix:/x.sock", "https://c:1"],
      source: "--server",
      namespace: "n",
      token: "own",
      tokenSource: "--token",
    });
  });

  test("who vouches for it may be said beside it, and counts before the context's", () => {
    const wishes = { server: "https://c:1", ca: "own.pem" };
    expect(settingsFrom(wishes, {}, config)).toMatchObject({ ca: "own.pem" });
    const { contexts } = config;
    const vouched = { current: "prod", contexts: contexts.map((one) => ({ ...one, ca: "/ca" })) };
    expect(settingsFrom({}, {}, vouched)).toMatchObject({ ca: "/ca" });
    expect(settingsFrom({ ca: "own.pem" }, {}, vouched)).toMatchObject({ ca: "own.pem" });
    expect(settingsFrom({ server: "https://c:1" }, {}, vouched).ca).toBeUndefined();
  });

  test.each([
    [{ context: "prdo" }, 'No context is called "prdo": do you mean "prod"?'],
    [{ context: "x" }, 'No context is called "x": there are "prod", "lab"'],
    [{ server: "http://10.0.0.1:7440" }, 'Server of --server: "http://10.0.0.1:7440" is no server'],
    [{ server: "unix:relative" }, "write unix:/path or https://host:7440"],
    [{ server: "https://a/path" }, "is no server"],
  ])("%j is refused", (wishes, message) => {
    expect(() => settingsFrom(wishes, {}, config)).toThrow(message);
  });
});

describe("what is refused is told with where it came from", () => {
  const of = (wishes: Parameters<typeof settingsFrom>[0], more: object = {}, env = {}) => {
    const [prod, lab] = config.contexts;
    const contexts = [{ ...prod!, token: undefined, ...more }, lab!];
    return refusalOf(settingsFrom(wishes, env, { current: "prod", contexts }));
  };
  test.each([
    [of({}, { token: "t" }), 'https://a:7440, https://b:7440 (context "prod") does not accept'],
    [of({}, { token: "t" }), 'the token of context "prod": it was revoked'],
    [of({ token: "t" }), "the token of --token: "],
    [of({}, { token: "t", tokenFile: "/f" }, { NETLOOM_TOKEN: "t" }), "the token of NETLOOM_TOKEN"],
    [of({}, { tokenFile: "/f", cert: "/c" }), 'the token in "/f": '],
    [of({}, { cert: "/c" }), 'the certificate in "/c": its time is over'],
    [of({}), "wants to know who asks: name the file of a token with "],
  ])("%s", (text, part) => expect(text).toContain(part));
});

describe("the file of contexts", () => {
  test("is found by its variable, or in the home directory", () => {
    expect(configPath({ NETLOOM_CONFIG: "/c", HOME: "/h" })).toBe("/c");
    expect(configPath({ XDG_CONFIG_HOME: "/x", HOME: "/h" })).toBe("/x/netloom/config.yaml");
    expect(configPath({ HOME: "/h" })).toBe("/h/.config/netloom/config.yaml");
  });

  test("is read back as it was written, and is for its owner alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "netloom-config-"));
    try {
      const path = join(folder, "deep/config.yaml");
      expect(readConfig(path)).toEqual(none);
      writeConfig(path, config);
      expect(readConfig(path)).toEqual(config);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ["- a", "the file must be a map of fields"],
    ["contexts: x", '"contexts" must be a list'],
    ["contexts: [{servers: [unix:/x]}]", '"contexts[0].name" is missing'],
    ["contexts: [{name: a, servers: unix:/x}]", '"contexts[0].servers" must be a list'],
    ["contexts: [{name: a, servers: [unix:/x], token: 1}]", '"contexts[0].token" must be text'],
    ["current: [a]", '"current" must be text'],
  ])("%j is refused", (text, message) => expect(() => parseConfig(text)).toThrow(message));
});

describe("the API that is meant", () => {
  const failing = (code: string, said: Readonly<Record<string, readonly string[]>> = {}) => {
    const options = { "request-timeout": ["1s"], ...said };
    const surroundings: any = {
      env: { NETLOOM_CONFIG: "/nonexistent" },
      sleep: async () => {},
      fetch: async () => {
        throw Object.assign(new TypeError("no"), { code });
      },
    };
    return apiOf({ line: { options, operands: [] } as any, surroundings });
  };

  test("says what to start where this host's own server is away", async () => {
    const { client } = failing("ENOENT");
    await expect(client.of(namespaceKind).list()).rejects.toThrow(
      'unix:/run/netloom/api.sock: there is no such socket. Start one with "netloom up"',
    );
  });

  test("says how to name the CA where the server's certificate can't be trusted", async () => {
    const { client } = failing("SELF_SIGNED_CERT_IN_CHAIN", { server: ["https://c:1"] });
    await expect(client.of(namespaceKind).list()).rejects.toThrow(
      "https://c:1: its certificate can't be trusted (SELF_SIGNED_CERT_IN_CHAIN): name the right CA " +
        'with --ca FILE, or for a context with "netloom context set NAME --ca FILE"',
    );
  });

  test("says which option named a file that can't be read", () => {
    const api = failing("", { server: ["https://c:1"], ca: ["/nonexistent/ca.pem"] });
    expect(() => api.client).toThrow('Cannot read "/nonexistent/ca.pem", which --ca names');
  });
});
