/** How findings read. */
import { expect, test } from "bun:test";
import { fault, fine, note, type Section, warning } from "./finding.ts";
import { reportJson, reportText } from "./report.ts";

const sections: readonly Section[] = [
  { area: "kernel", findings: [fine("It has veth"), note("It lacks VRF", "modprobe vrf")] },
  { area: "folders", findings: [warning("It is old"), fault("It is gone", "make install")] },
];

test("a finding is a line, with what mends it below", () => {
  expect(reportText(sections)).toBe(`kernel
  ok    It has veth
  note  It lacks VRF
          mend: modprobe vrf

folders
  WARN  It is old
  FAULT It is gone
          mend: make install

1 fault, 1 warning.
`);
});

test("a host with nothing but notes is well", () => {
  expect(reportText([sections[0]!])).toEndWith("\nAll is well.\n");
  expect(JSON.parse(reportJson([sections[0]!])).status).toBe(0);
});

test("JSON has the worst as its status", () => {
  expect(JSON.parse(reportJson(sections))).toEqual({ status: 2, sections });
  const old = { area: "folders", findings: [warning("It is old")] };
  expect(JSON.parse(reportJson([old])).status).toBe(1);
});
