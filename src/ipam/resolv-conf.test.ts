/** What is read of a resolv.conf: the same as the reference's 1.9.1 reads of it. */
import { expect, test } from "bun:test";
import { parseResolvConf } from "./resolv-conf.ts";

test("reads what the reference reads", () => {
  const file = [
    "# comment",
    "; another",
    "nameserver 1.1.1.1 extra",
    "nameserver",
    "  nameserver 2.2.2.2",
    "domain a.b",
    "domain c.d",
    "search x y",
    "search z",
    "options ndots:5 rotate",
    "foo bar",
    "sortlist 1",
    "\tnameserver\tfd00::1%eth0 # c",
    "nameserver 3.3.3.3;x\r",
    "",
  ].join("\n");
  expect(parseResolvConf(file)).toEqual({
    nameservers: ["1.1.1.1", "2.2.2.2", "fd00::1%eth0", "3.3.3.3;x"],
    domain: "c.d",
    search: ["x", "y", "z"],
    options: ["ndots:5", "rotate"],
  });
});

test("gives nothing of a file without settings", () => {
  for (const file of ["", "\n\n", "# nameserver 1.1.1.1\n", "nameserver\n"]) {
    expect(parseResolvConf(file)).toEqual({});
  }
});
