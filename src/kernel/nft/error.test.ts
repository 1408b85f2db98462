/** Errors from what libnftables prints. */
import { expect, test } from "bun:test";
import { fromPrinted } from "./error.ts";

const cases: [string, string, string, number | undefined, string][] = [
  [
    "a report of a file, with its place",
    "/proc/self/fd/9:2:1-9: Error: No such file or directory\nadd chain inet x c\n^^^^^^^^^\n",
    "ENOENT",
    2,
    'Cannot run it: No such file or directory in "add chain inet x c"',
  ],
  [
    "a hint behind the reason",
    "Error: No such file or directory; did you mean chain ‘c2’ in table inet ‘t’?\nadd x\n^\n",
    "ENOENT",
    undefined,
    "Cannot run it: No such file or directory; did you mean chain ‘c2’ in table inet ‘t’?",
  ],
  [
    "a prefix before the reason",
    "Error: Could not process rule: Device or resource busy\ndelete chain inet x c\n^\n",
    "EBUSY",
    undefined,
    "Cannot run it: Could not process rule: Device or resource busy",
  ],
  [
    "text that nft cannot read",
    "Error: syntax error, unexpected newline\nfoo\n   ^\n",
    "syntax",
    undefined,
    "Cannot run it: syntax error, unexpected newline",
  ],
  ["nothing at all", "", "syntax", undefined, "Cannot run it: no reason given"],
];

for (const [name, printed, code, line, message] of cases) {
  test(`libnftables's report gives code, line and message: ${name}`, () => {
    const error = fromPrinted("run it", printed);
    expect([error.code, error.line, error.message]).toEqual([code, line, message]);
    expect(error.text).toBe(printed);
  });
}
