/** Tests how command lines are read. */
import { describe, expect, test } from "bun:test";
import { parseCleanCommand } from "./clean.ts";
import { parseCniCommand } from "./cni.ts";
import { parsePortMapping } from "./port-mapping.ts";
import { parseSandboxCommand } from "./sandbox.ts";

const words = (line: string) => line.split(" ").filter(Boolean);
const cni = (line: string) => parseCniCommand(words(line));
const sandbox = (line: string) => parseSandboxCommand(words(line));

const places = { confDir: "/etc/cni/net.d", cacheDir: "/var/lib/cni", json: false };

describe("netloom cni", () => {
  test("add has sensible defaults", () => {
    expect(cni("add demo blue")).toEqual({
      ...places,
      cniPath: undefined,
      verb: "add",
      network: "demo",
      namespaces: ["blue"],
      ifName: "eth0",
      args: [],
      capabilityArgs: {},
    });
  });

  test("add takes options wherever they stand", () => {
    const line =
      "--conf-dir /c add --ifname=net1 x.conflist a b --cni-path /p:/q --cache-dir /k --json " +
      "--arg K=v --arg IP=10.1.0.5";
    expect(cni(line)).toMatchObject({
      confDir: "/c",
      cniPath: "/p:/q",
      cacheDir: "/k",
      json: true,
      network: "x.conflist",
      namespaces: ["a", "b"],
      ifName: "net1",
      args: [
        ["K", "v"],
        ["IP", "10.1.0.5"],
      ],
    });
  });

  test("add joins capability arguments and published ports", () => {
    const cap = '{"mac":"02:00:00:00:00:01","portMappings":[{"hostPort":1}]}';
    const command = parseCniCommand([
      "add",
      "n",
      "a",
      "--cap",
      cap,
      "-p",
      "8080:80",
      "-p53:53/udp",
    ]);
    expect(command).toMatchObject({
      capabilityArgs: {
        mac: "02:00:00:00:00:01",
        portMappings: [
          { hostPort: 1 },
          { hostPort: 8080, containerPort: 80, protocol: "tcp" },
          { hostPort: 53, containerPort: 53, protocol: "udp" },
        ],
      },
    });
  });

  test("gc keeps what is named, and everything goes only when that is said", () => {
    expect(cni("gc demo --keep c1 --keep c2/net1")).toMatchObject({
      keep: [
        { containerId: "c1", ifName: "eth0" },
        { containerId: "c2", ifName: "net1" },
      ],
    });
    expect(cni("gc demo --all")).toMatchObject({ keep: [] });
  });

  for (const line of ["--help", "help", "add -h"]) {
    test(`gives help for "${line}"`, () => expect(cni(line)).toBe("help"));
  }

  for (const [line, message] of [
    ["", "Say what to do: add, del, check, gc, status or list"],
    ["attach x", '"attach" is no command of netloom cni'],
    ["add", "netloom cni add NETWORK NETNS…"],
    ["del demo", "netloom cni del NETWORK NETNS…"],
    ["gc", "netloom cni gc NETWORK"],
    ["gc demo", "--all to keep nothing"],
    ["gc demo --all --keep c1", "contradict"],
    ["status a b", "Name one network"],
    ["add demo a --wrong", 'Unknown option "--wrong"'],
    ["add demo a -x", 'Unknown option "-x"'],
    ["add demo a --ifname", "Option --ifname needs a value"],
    ["add demo a --json=1", "Option --json takes no value"],
    ["add demo a --ifname a --ifname b", "Option --ifname was given 2 times"],
    ["add demo a b --container-id x", "Several namespaces can't share"],
    ["add demo a --arg K", 'Argument "K" can\'t be read: write KEY=VALUE'],
    ["add demo a --arg K=a;b", "write KEY=VALUE"],
    ["add demo a --cap [1]", "Option --cap needs a JSON object, not [1]"],
    ["add demo a --cap {", "Option --cap needs a JSON object, not {"],
  ] as const) {
    test(`refuses "${line}" and says what to do`, () => expect(() => cni(line)).toThrow(message));
  }
});

describe("netloom sandbox run", () => {
  test("leaves the command's own options alone", () => {
    expect(sandbox("run -n demo ping -c 1 --help")).toMatchObject({
      networks: ["demo"],
      command: ["ping", "-c", "1", "--help"],
    });
    expect(sandbox("run --network a --network b -- --odd -p 1")).toMatchObject({
      networks: ["a", "b"],
      command: ["--odd", "-p", "1"],
      capabilityArgs: {},
    });
  });

  for (const [line, message] of [
    ["", "Say what to do"],
    ["start", '"start" is no command'],
    ["run -- sh", "Name a network"],
    ["run -n demo", "Say what to run"],
    ["run -n demo -p 80 -- sh", 'Port mapping "80" can\'t be read'],
  ] as const) {
    test(`refuses "${line}" and says what to do`, () => {
      expect(() => sandbox(line)).toThrow(message);
    });
  }
});

describe("a port mapping", () => {
  const tcp = { protocol: "tcp" } as const;
  for (const [text, mappings] of [
    ["8080:80", [{ hostPort: 8080, containerPort: 80, ...tcp }]],
    ["53:5353/udp", [{ hostPort: 53, containerPort: 5353, protocol: "udp" }]],
    ["127.0.0.1:1:2", [{ hostPort: 1, containerPort: 2, ...tcp, hostIP: "127.0.0.1" }]],
    [
      "[fd00::1]:1:2/sctp",
      [{ hostPort: 1, containerPort: 2, protocol: "sctp", hostIP: "fd00::1" }],
    ],
    [
      "80-81:90-91",
      [
        { hostPort: 80, containerPort: 90, ...tcp },
        { hostPort: 81, containerPort: 91, ...tcp },
      ],
    ],
  ] as const) {
    test(`is read from "${text}"`, () => expect(parsePortMapping(text)).toEqual([...mappings]));
  }

  for (const text of [
    "80",
    "0:80",
    "80:65536",
    "80:80/icmp",
    "82-81:80-81",
    "80-82:80-81",
    "80-:80",
    "1-2-3:1-3",
    "host:80:80",
    "fd00::1:80:80",
    "[10.1:80:80",
    "80:80:80:80",
    "-1:80",
  ]) {
    test(`is refused as "${text}" with the form that is right`, () => {
      expect(() => parsePortMapping(text)).toThrow("[HOSTIP:]HOSTPORT");
    });
  }
});

test("netloom clean takes nothing but a call for help", () => {
  expect(parseCleanCommand([])).toBe("clean");
  expect(parseCleanCommand(["-h"])).toBe("help");
  expect(() => parseCleanCommand(["demo"])).toThrow('takes no "demo"');
  expect(() => parseCleanCommand(["--all"])).toThrow("--all");
});
