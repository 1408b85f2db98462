/** Bad input: the CNI_* variables, and the namespaces that they name. */
import { netnsPath } from "../support/test-host.ts";
import { type BadCall, bridge, examine } from "./exam.ts";

const withEnv = (
  name: string,
  env: BadCall["env"],
  { code = 4, says }: { code?: number; says: readonly string[] },
): BadCall => ({ name, config: bridge(), env, code, says });

examine("a variable", [
  withEnv("an unknown command", { CNI_COMMAND: "UPDATE" }, { says: ['"UPDATE" is not one of'] }),
  withEnv("an empty command", { CNI_COMMAND: "" }, { says: ["CNI_COMMAND"] }),
  withEnv("no container ID", { CNI_CONTAINERID: undefined }, { says: ["CNI_CONTAINERID"] }),
  withEnv("no link name", { CNI_IFNAME: "" }, { says: ["CNI_IFNAME: not set"] }),
  withEnv("no namespace", { CNI_NETNS: undefined }, { says: ["ADD needs CNI_NETNS: not set"] }),
  withEnv(
    "a container ID that leads elsewhere",
    { CNI_CONTAINERID: "../../etc/passwd" },
    { says: ['CNI_CONTAINERID "../../etc/passwd" must begin with a letter'] },
  ),
  withEnv("a container ID with a space", { CNI_CONTAINERID: "a b" }, { says: ['"a b" must'] }),
  withEnv("a link name that is too long", { CNI_IFNAME: "a".repeat(16) }, { says: ["15 bytes"] }),
  withEnv("a link name that is a folder", { CNI_IFNAME: ".." }, { says: ["names a folder"] }),
  withEnv("a link name with a slash", { CNI_IFNAME: "a/b" }, { says: ['"a/b" holds "/"'] }),
  withEnv("a link name with a colon", { CNI_IFNAME: "eth0:1" }, { says: ['"eth0:1" holds'] }),
  withEnv("a link name that is a pattern", { CNI_IFNAME: "eth%d" }, { says: ['"eth%d" holds'] }),
  withEnv("arguments without values", { CNI_ARGS: "IP" }, { says: ['"IP": each part must be'] }),
  withEnv(
    "an unknown argument",
    { CNI_ARGS: "COLOUR=blue" },
    { says: ['unknown key "COLOUR"', "add IgnoreUnknown=1"] },
  ),
  withEnv(
    "a hardware address that is none",
    { CNI_ARGS: "MAC=blue" },
    { code: 7, says: ["CNI_ARGS MAC", '"blue"'] },
  ),
  {
    name: "GC without CNI_PATH",
    command: "GC",
    config: bridge({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] }),
    env: { CNI_PATH: "" },
    code: 4,
    says: ["GC needs CNI_PATH"],
  },
]);

const namespaces: BadCall[] = [
  withEnv(
    "one that does not exist",
    { CNI_NETNS: "/var/run/netns/no-such" },
    { code: 8, says: ['CNI_NETNS "/var/run/netns/no-such" does not exist'] },
  ),
  withEnv(
    "one of a process that is gone",
    { CNI_NETNS: "/proc/4194303/ns/net" },
    { code: 8, says: ["does not exist"] },
  ),
  withEnv(
    "an ordinary file",
    { CNI_NETNS: "/etc/passwd" },
    { says: ["is not a network namespace, but a regular file"] },
  ),
  withEnv("a folder", { CNI_NETNS: "/tmp" }, { says: ["but a folder"] }),
  withEnv(
    "a namespace of another kind",
    { CNI_NETNS: "/proc/self/ns/uts" },
    { code: 8, says: ['"/proc/self/ns/uts"', "no network namespace"] },
  ),
  withEnv("our own", ({ host }) => ({ CNI_NETNS: netnsPath(host.netns) }), {
    code: 8,
    says: ["is the namespace that this plugin runs in", "CNI_NETNS_OVERRIDE=1"],
  }),
];

examine("a namespace", [
  ...namespaces,
  {
    ...namespaces.at(-1)!,
    name: "our own, on DEL",
    command: "DEL",
  },
  {
    ...namespaces[0]!,
    name: "one that does not exist, on CHECK",
    command: "CHECK",
    config: bridge({ prevResult: {} }),
  },
]);
