/** Bad input: the configuration of DHCP, alone and as another plugin's ipam. */
import { type BadCall, bridge, examine } from "./exam.ts";

const alone = (ipam: object, more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "lan",
  type: "dhcp",
  ipam: { type: "dhcp", ...ipam },
  ...more,
});

const bad = (name: string, ipam: object, says: readonly string[], code = 7): BadCall => ({
  name,
  config: alone(ipam),
  code,
  says,
});

examine("dhcp", [
  bad("an option that has no number", { request: [{ option: "colour" }] }, [
    "ipam.request[0].option",
    '"colour" is no DHCP option',
    "host-name",
  ]),
  bad("an option beyond a byte", { request: [{ option: "256" }] }, ["ipam.request[0].option"]),
  bad("an option below zero", { request: [{ option: "-1" }] }, ["ipam.request[0].option"]),
  bad("an option as a list", { request: [{ option: [1] }] }, ["ipam.request[0].option", "[1]"]),
  bad("requests that are no list", { request: "routers" }, ["ipam.request: must be a list"]),
  bad("a request that is text", { request: ["routers"] }, ["ipam.request[0]: must be an object"]),
  bad("skipDefault as text", { request: [{ skipDefault: "yes" }] }, [
    "ipam.request[0].skipDefault: must be true or false",
  ]),
  bad("a provided option without a name", { provide: [{ value: "x" }] }, [
    "ipam.provide[0].option",
  ]),
  bad("a provided value that is a number", { provide: [{ option: "12", value: 5 }] }, [
    "ipam.provide[0].value: must be a string",
  ]),
  bad(
    "a provided value that fits no option",
    { provide: [{ option: "12", value: "x".repeat(256) }] },
    ["ipam.provide[0]", "256 bytes: 255 fit"],
  ),
  bad("a message type of one's own", { provide: [{ option: "53", value: "1" }] }, [
    "ipam.provide[0].option",
    "is the message's type",
  ]),
  bad("a list of requests among what is provided", { provide: [{ option: "55", value: "1" }] }, [
    'use "request"',
  ]),
  bad("an end among the options", { provide: [{ option: "255", value: "1" }] }, [
    "ends the options",
  ]),
  bad("provided options that are no list", { provide: { "12": "x" } }, [
    "ipam.provide: must be a list",
  ]),
  bad("a way to find conflicts that there is none", { conflictDetection: "perhaps" }, [
    'ipam.conflictDetection: must be one of "fast", "rfc5227", "off"',
  ]),
  bad("a socket's relative path", { daemonSocketPath: "run/dhcp.sock" }, [
    "ipam.daemonSocketPath",
    'must begin with "/"',
  ]),
  bad("a socket's path that is a number", { daemonSocketPath: 5 }, ["ipam.daemonSocketPath"]),
  {
    name: "a wrong option before any daemon is begun, with its bridge's work undone",
    config: bridge({ ipam: { type: "dhcp", request: [{ option: "colour" }] } }),
    code: 7,
    says: ["ipam.request[0].option"],
  },
  {
    name: "a wrong option at STATUS",
    config: alone({ provide: [{ option: "nothing" }] }),
    command: "STATUS",
    code: 7,
    says: ["ipam.provide[0].option"],
  },
]);
