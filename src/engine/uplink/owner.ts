/** Which network manager looks after a link, as far as its files tell. */

/** A program that would put back what is taken from the link, and how it is told not to. */
export interface Owner {
  readonly program: string;
  readonly remedy: string;
}

/** The link, and what is needed to look: the text of a file, undefined without one. */
export interface OwnerQuestion {
  readonly name: string;
  readonly index: number;
  readonly read: (path: string) => string | undefined;
}

type Look = (question: OwnerQuestion) => Owner | undefined;

/** The program, or undefined where no file tells of one. */
export function ownerOf(question: OwnerQuestion): Owner | undefined {
  for (const look of looks) {
    const owner = look(question);
    if (owner) return owner;
  }
  return undefined;
}

/** NetworkManager keeps a key file for each device (src/core/nm-config.c, "device state"). */
const byDeviceState: Look = ({ name, index, read }) =>
  /^managed=(true|1)$/m.test(read(`/run/NetworkManager/devices/${index}`) ?? "")
    ? { program: "NetworkManager", remedy: `nmcli device set ${name} managed no` }
    : undefined;

/** What systemd-networkd says of links that it has taken charge of (networkctl(1), "SETUP"). */
const charged = /^ADMIN_STATE=(pending|initialized|configuring|configured|failed)$/m;

const networkd: Look = ({ name, index, read }) => {
  const state = read(`/run/systemd/netif/links/${index}`) ?? "";
  if (!charged.test(state)) return undefined;
  if (/^NETWORK_FILE=.*netplan/m.test(state)) {
    return {
      program: "netplan",
      remedy: `take "${name}" out of /etc/netplan and run netplan apply`,
    };
  }
  const remedy = `give it a .network file with "Unmanaged=yes" and run networkctl reload`;
  return { program: "systemd-networkd", remedy };
};

/** Links that ifup(8) has brought up are listed in its state file, as `eth1=eth1`. */
const ifupdown: Look = ({ name, read }) => {
  const states = (read("/run/network/ifstate") ?? "").split("\n");
  if (!states.some((line) => line.split("=")[0] === name)) return undefined;
  const methods = methodsOf(read("/etc/network/interfaces") ?? "", name);
  if (methods.length > 0 && methods.every((method) => method === "manual")) return undefined;
  const remedy = `make it "iface ${name} inet manual" in /etc/network/interfaces`;
  return { program: "ifupdown", remedy };
};

/** The last words of the link's lines `iface NAME FAMILY METHOD`. */
function methodsOf(text: string, name: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [word, link, , method] = line.trim().split(/\s+/);
    return word === "iface" && link === name && method ? [method] : [];
  });
}

/** Where DHCP clients leave their process ids. */
const clients: readonly [program: string, paths: (name: string) => readonly string[]][] = [
  [
    "dhclient",
    (name) =>
      [".", "-"].flatMap((dot) => ["", "6"].map((v) => `/run/dhclient${v}${dot}${name}.pid`)),
  ],
  [
    "dhcpcd",
    (name) =>
      ["", "-4", "-6"].flatMap((v) => [
        `/run/dhcpcd/${name}${v}.pid`,
        `/run/dhcpcd-${name}${v}.pid`,
      ]),
  ],
  ["udhcpc", (name) => [`/run/udhcpc.${name}.pid`, `/run/udhcpc-${name}.pid`]],
];

/** A file that a client left which is gone says nothing. */
const dhcpClient: Look = ({ name, read }) => {
  for (const [program, paths] of clients) {
    for (const path of paths(name)) {
      const pid = /^\s*(\d+)\s*$/.exec(read(path) ?? "")?.[1];
      // The kernel shows 15 letters of a program's name.
      if (pid === undefined || read(`/proc/${pid}/comm`)?.trim() !== program) continue;
      return { program, remedy: `end process ${pid} and set the address by hand` };
    }
  }
  return undefined;
};

const looks: readonly Look[] = [byDeviceState, networkd, ifupdown, dhcpClient];
