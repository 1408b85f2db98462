/** The command line of `netloom uplink`. */
import { describe, expect, test } from "bun:test";
import { parseUplinkCommand } from "./uplink.ts";

describe("netloom uplink", () => {
  test("lists", () => {
    expect(parseUplinkCommand(["list"])).toEqual({ verb: "list", json: false });
    expect(parseUplinkCommand(["list", "--json"])).toEqual({ verb: "list", json: true });
  });

  test("releases one link", () => {
    const release = { verb: "release", link: "eth1" } as const;
    expect(parseUplinkCommand(["release", "eth1"])).toEqual({ ...release, force: false });
    expect(parseUplinkCommand(["release", "--force", "eth1"])).toEqual({ ...release, force: true });
  });

  test("gives help", () => expect(parseUplinkCommand(["release", "-h"])).toBe("help"));

  test.each([
    [[], "Say what to do: list or release"],
    [["take", "eth1"], '"take" is no command of netloom uplink'],
    [["release"], "Name one link"],
    [["release", "eth1", "eth2"], "Name one link"],
    [["release", "eth1", "--json"], "Option --json is for list"],
    [["list", "eth1"], 'takes no "eth1"'],
    [["list", "--force"], "Option --force is for release"],
  ])("refuses %j", (words, message) => {
    expect(() => parseUplinkCommand(words)).toThrow(message);
  });
});
