/** Which network manager a link has, by the files that it would leave. */
import { describe, expect, test } from "bun:test";
import { ownerOf } from "./owner.ts";

const ask = (files: Readonly<Record<string, string>>) =>
  ownerOf({ name: "eth1", index: 7, read: (path) => files[path] })?.program;

const interfaces = "/etc/network/interfaces";
const ifstate = "/run/network/ifstate";
const links = "/run/systemd/netif/links/7";

describe("the owner of a link", () => {
  test.each([
    ["NetworkManager", { "/run/NetworkManager/devices/7": "[device]\nmanaged=true\n" }],
    ["systemd-networkd", { [links]: "ADMIN_STATE=pending\n" }],
    ["netplan", { [links]: "ADMIN_STATE=configured\nNETWORK_FILE=/run/x/10-netplan-e.network\n" }],
    ["ifupdown", { [ifstate]: "lo=lo\neth1=eth1\n" }],
    ["ifupdown", { [ifstate]: "eth1=home\n", [interfaces]: "iface eth1 inet dhcp\n" }],
    [
      "ifupdown",
      {
        [ifstate]: "eth1=eth1\n",
        [interfaces]: "iface eth1 inet manual\n  iface eth1 inet6 static\n",
      },
    ],
    ["dhclient", { "/run/dhclient.eth1.pid": "12\n", "/proc/12/comm": "dhclient\n" }],
    ["dhclient", { "/run/dhclient6-eth1.pid": "12", "/proc/12/comm": "dhclient\n" }],
    ["dhcpcd", { "/run/dhcpcd/eth1-4.pid": "12\n", "/proc/12/comm": "dhcpcd\n" }],
    ["udhcpc", { "/run/udhcpc.eth1.pid": "12\n", "/proc/12/comm": "udhcpc\n" }],
  ])("is %s by %j", (program, files) => {
    expect(ask(files as Record<string, string>)).toBe(program);
  });

  test.each([
    [{}],
    [{ "/run/NetworkManager/devices/8": "managed=true\n" }],
    [{ "/run/NetworkManager/devices/7": "[device]\nmanaged=false\nroute-metric=1\n" }],
    [{ [links]: "ADMIN_STATE=unmanaged\nOPER_STATE=routable\n" }],
    [{ [ifstate]: "eth10=eth10\n" }],
    [{ [ifstate]: "eth1=eth1\n", [interfaces]: "auto eth1\niface eth1 inet manual\n" }],
    [{ "/run/dhclient.eth1.pid": "12\n" }],
    [{ "/run/dhclient.eth1.pid": "12\n", "/proc/12/comm": "bash\n" }],
    [{ "/run/dhclient.eth1.pid": "nonsense\n", "/proc/12/comm": "dhclient\n" }],
  ])("is nobody by %j", (files) => {
    expect(ask(files as Record<string, string>)).toBeUndefined();
  });

  test("is told with what to do", () => {
    const owner = ownerOf({
      name: "eth1",
      index: 7,
      read: (path) => (path.startsWith("/run/Net") ? "managed=true" : undefined),
    });
    expect(owner?.remedy).toBe("nmcli device set eth1 managed no");
  });
});
