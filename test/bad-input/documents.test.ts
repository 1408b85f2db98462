/** Bad input: standard input as a whole, its version, and the fields that every plugin has. */
import { bridge, examine } from "./exam.ts";

examine("a document", [
  { name: "an empty one", config: "", code: 6, says: ["it is empty"] },
  { name: "white space", config: " \n\t", code: 6, says: ["it is empty"] },
  { name: "one that is cut short", config: '{"cniVersion":"1.0.0","na', code: 6, says: ["JSON"] },
  { name: "one with a comma too many", config: '{"name":"n",}', code: 6, says: ["JSON"] },
  { name: "two in a row", config: '{"name":"n"}{"name":"n"}', code: 6, says: ["JSON"] },
  { name: "one with NaN", config: '{"name":"n","mtu":NaN}', code: 6, says: ["JSON"] },
  { name: "bytes that are no text", config: "\u0000\u0001\ufffd", code: 6, says: ["JSON"] },
  { name: "a list", config: "[]", code: 6, says: ["must be a JSON object, not []"] },
  { name: "null", config: "null", code: 6, says: ["must be a JSON object, not null"] },
  { name: "a number", config: "5", code: 6, says: ["must be a JSON object, not 5"] },
  {
    name: "200,000 lists in each other",
    config: `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    code: 6,
    says: ["nests deeper than 1000 levels"],
  },
]);

examine("a version", [
  {
    name: "one that nobody knows",
    config: bridge({ cniVersion: "9.9.9" }),
    code: 1,
    says: ['cniVersion "9.9.9" is not supported', "0.1.0, 0.2.0, 0.3.0"],
  },
  {
    name: "one in short",
    config: bridge({ cniVersion: "1.0" }),
    code: 1,
    says: ['cniVersion "1.0" is not supported'],
  },
  {
    name: "one as a number",
    config: bridge({ cniVersion: 1 }),
    code: 7,
    says: ["cniVersion: must be a string, not 1"],
  },
  {
    name: "CHECK in 0.3.1",
    command: "CHECK",
    config: bridge({ cniVersion: "0.3.1", prevResult: {} }),
    code: 1,
    says: ['cniVersion "0.3.1" has no CHECK: it came with 0.4.0'],
  },
  {
    name: "STATUS in 1.0.0",
    command: "STATUS",
    config: bridge(),
    code: 1,
    says: ["it came with 1.1.0"],
  },
  {
    name: "GC in 1.0.0",
    command: "GC",
    config: bridge({ "cni.dev/valid-attachments": [] }),
    code: 1,
    says: ["it came with 1.1.0"],
  },
]);

const gc = (valid: unknown) => bridge({ cniVersion: "1.1.0", "cni.dev/valid-attachments": valid });

examine("a field that every plugin has", [
  { name: "no name", config: bridge({ name: undefined }), code: 7, says: ["name: missing"] },
  { name: "an empty name", config: bridge({ name: "" }), code: 7, says: ["name: must be"] },
  {
    name: "a name that leads elsewhere",
    config: bridge({ name: "../../etc" }),
    code: 7,
    says: ["name: must be a name of letters", 'not "../../etc"'],
  },
  { name: "a name with a slash", config: bridge({ name: "a/b" }), code: 7, says: ['not "a/b"'] },
  { name: "a name with NUL", config: bridge({ name: "a\u0000b" }), code: 7, says: ["name:"] },
  { name: "a name as a list", config: bridge({ name: ["n"] }), code: 7, says: ['not ["n"]'] },
  {
    name: "IPAM as text",
    config: bridge({ ipam: "host-local" }),
    code: 7,
    says: ['ipam: must be an object, not "host-local"'],
  },
  {
    name: "an IPAM type that is a path",
    config: bridge({ ipam: { type: "../../../bin/sh" } }),
    code: 7,
    says: ['plugin type "../../../bin/sh"', 'without "/"'],
  },
  {
    name: "an IPAM type that is not installed",
    config: bridge({ ipam: { type: "no-such-ipam" } }),
    code: 7,
    says: ['Cannot find plugin "no-such-ipam"', "install it, or correct the type"],
  },
  {
    name: "DNS as a list",
    config: bridge({ dns: ["10.0.0.1"] }),
    code: 7,
    says: ["dns: must be an object"],
  },
  {
    name: "a nameserver as a number",
    config: bridge({ dns: { nameservers: [8.8] } }),
    code: 7,
    says: ["dns.nameservers[0]: must be a string, not 8.8"],
  },
  {
    name: "runtimeConfig as text",
    config: bridge({ runtimeConfig: "x" }),
    code: 7,
    says: ["runtimeConfig: must be an object"],
  },
  {
    name: "CHECK without prevResult",
    command: "CHECK",
    config: bridge(),
    code: 7,
    says: ["prevResult: missing, CHECK needs the result of ADD"],
  },
  {
    name: "CHECK with a wrong prevResult",
    command: "CHECK",
    config: bridge({ prevResult: { ips: [{ address: "10.1.0.300/24" }] } }),
    code: 7,
    says: ["prevResult.ips[0].address", "10.1.0.300/24"],
  },
  {
    name: "a prevResult with a link that is not listed",
    type: "portmap",
    config: bridge({ prevResult: { ips: [{ address: "10.1.0.3/24", interface: 4 }] } }),
    code: 7,
    says: ["prevResult.ips[0].interface: there is no interface 4"],
  },
  {
    name: "GC without the list of what stays",
    command: "GC",
    config: bridge({ cniVersion: "1.1.0" }),
    code: 7,
    says: ["cni.dev/valid-attachments: missing", "[] removes all"],
  },
  {
    name: "GC with a list that is none",
    command: "GC",
    config: gc("all"),
    code: 7,
    says: ['cni.dev/valid-attachments: must be a list, not "all"'],
  },
  {
    name: "GC with a nameless attachment",
    command: "GC",
    config: gc([{ ifname: "eth0" }]),
    code: 7,
    says: ["cni.dev/valid-attachments[0].containerID: missing"],
  },
]);
