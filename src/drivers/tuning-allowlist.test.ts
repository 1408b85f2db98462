/** Which sysctls a list allows, line by line in Go's syntax of regular expressions. */
import { expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { checkAllowed, readAllowlist } from "./tuning-allowlist.ts";
import { parseTuningConfig } from "./tuning-config.ts";

const allows = (list: string, key: string) => readAllowlist(list).some((one) => one.test(key));

const cases: [string, string, boolean][] = [
  ["", "net.core.somaxconn", false],
  ["net.core.somaxconn", "net.core.somaxconn", true],
  ["net.core.somaxconn", "xnet.core.somaxconnx", true],
  ["^net\\.core\\.somaxconn$", "net.core.somaxconn", true],
  ["^net\\.core\\.somaxconn$", "net.core.somaxconn2", false],
  ["\n  ^net.ipv4  \r\n\n^net.core\n", "net.core.x", true],
  ["^net.conf.IFNAME.[a-z_]*$", "net.conf.IFNAME.arp_filter", true],
  ["^net.conf.IFNAME.[a-z_]*$", "net.conf.eth0.arp_filter", false],
  ["(?i)^NET\\.", "net.core.x", true],
  ["^net\\.[[:alpha:]]+\\.[[:word:]]+$", "net.core.some_conn", true],
  ["^net\\.[[:alpha:]]+$", "net.ipv4", false],
  ["\\Anet\\.core\\z", "net.core", true],
  ["\\Anet\\.core\\z", "net.core.x", false],
  ["^\\Qnet.core\\E", "net.core.x", true],
  ["^\\Qnet.core\\E", "netxcore.x", false],
  ["^net\\/core\\-x\\_y$", "net/core-x_y", true],
  ["^(?P<family>net)\\.(?:core|ipv4)", "net.ipv4.x", true],
  ["^net\\x2ecore$", "net.core", true],
];
test.each(cases)("the list %j and the key %s", (list, key, allowed) => {
  expect(allows(list, key)).toBe(allowed);
});

test.each([
  "net.(",
  "net\\y",
  "net(?=x)",
  "net(?<!x)",
  "(n)\\1",
  "[[:^alpha:]]",
  "[[:nope:]]",
  "a**",
])("a line %j is refused with its number", (line) => {
  expect(() => readAllowlist(`net.core\n${line}\n`)).toThrow(ConfigError);
  expect(() => readAllowlist(`net.core\n${line}\n`)).toThrow(/allowlist\.conf line 2: /);
});

test("what is not allowed is named, of args.cni too", () => {
  const sysctl = { "net.core.somaxconn": "1" };
  const config = parseTuningConfig({ sysctl, args: { cni: { sysctl: { "net.ipv4.x": "1" } } } })!;
  expect(() => checkAllowed(config, "^net\\.core\\.")).toThrow(
    'sysctl["net.ipv4.x"]: is not allowed',
  );
  expect(() => checkAllowed(config, "^net\\.")).not.toThrow();
});
