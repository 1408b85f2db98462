/** The command lines of `netloom agent` and `netloom up`. */
import { describe, expect, test } from "bun:test";
import { parseAgentCommand } from "./agent.ts";
import { parseUpCommand, upHelp } from "./up.ts";

const usual = { stateDir: "/var/lib/netloom", runDir: "/run/netloom" };

describe("an agent", () => {
  test("asks the server of its run directory unless told otherwise", () => {
    expect(parseAgentCommand(["--run-dir", "/run/a"], usual)).toEqual({
      servers: ["unix:/run/a/api.sock"],
      stateDir: "/var/lib/netloom",
      runDir: "/run/a",
      credentials: {},
    });
  });

  test("takes several servers, a name and files", () => {
    const words =
      "--server https://a:7440 --server https://b:7440 --host h1 --ca /ca --token-file /t";
    expect(parseAgentCommand(words.split(" "), usual)).toMatchObject({
      servers: ["https://a:7440", "https://b:7440"],
      host: "h1",
      credentials: { ca: "/ca", token: "/t" },
    });
  });

  const refused: [string, string][] = [
    ["--host Big_One", "a name of a-z"],
    ["--state-dir here", "an absolute path"],
    ["now", 'takes no "now"'],
    ["--serve x", "Unknown option"],
  ];
  test.each(refused)("is refused %s", (words, text) => {
    expect(() => parseAgentCommand(words.split(" "), usual)).toThrow(text);
  });
});

test("up has directories of its own, and help", () => {
  expect(parseUpCommand(["--state-dir=/a", "--run-dir=/b", "--host", "h1"], usual)).toEqual({
    stateDir: "/a",
    runDir: "/b",
    host: "h1",
  });
  const tls = "--listen 10.0.0.1:7440 --tls-cert /c --tls-key /k";
  expect(parseUpCommand(tls.split(" "), usual)).toMatchObject({
    tls: { host: "10.0.0.1", port: 7440, files: { cert: "/c", key: "/k" } },
  });
  expect(parseUpCommand(["--help"], usual)).toBe("help");
  expect(upHelp).toContain("--listen HOST:PORT");
  expect(() => parseUpCommand(["down"], usual)).toThrow('takes no "down"');
});
