/** A host and a container for what is added to attachments: chained, or by `netloom` in one run. */
import {
  type CniAnswer,
  type CniCommand,
  callChain,
  type NetworkList,
} from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { TestHost } from "../support/test-host.ts";

type Keys = Readonly<Record<string, unknown>>;

/** One way to configure the same: with `netloom` everything stands in one plugin. */
export const ways = ["chained", "in one run"] as const;
export type Way = (typeof ways)[number];

export class ExtrasStage implements AsyncDisposable {
  readonly host: TestHost;
  readonly container: string;
  readonly #list: NetworkList;
  #result: any;

  private constructor(host: TestHost, container: string, list: NetworkList) {
    this.host = host;
    this.container = container;
    this.#list = list;
  }

  /** `options` by plugin name; they stand behind a bridge with addresses of both families. */
  static async create(way: Way, options: Readonly<Record<string, Keys>>): Promise<ExtrasStage> {
    const host = await TestHost.create();
    const ranges = [[{ subnet: "10.5.0.0/24" }], [{ subnet: "fd05::/64" }]];
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
    const ipam = { type: "host-local", dataDir: `${host.dir}/data`, ranges, routes };
    const bridge = { bridge: "br0", isGateway: true, ipam };
    const plugins =
      way === "chained"
        ? [
            { type: "bridge", ...bridge },
            ...Object.entries(options).map(([type, keys]) => ({ type, ...keys })),
          ]
        : [{ type: "netloom", driver: "bridge", ...bridge, ...options }];
    const list = { cniVersion: "1.1.0", name: "net", plugins };
    return new ExtrasStage(host, await host.addContainer(), list);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.remove();
  }

  async call(command: CniCommand, more: Keys = {}): Promise<CniAnswer> {
    const { host, container } = this;
    const answer = await callChain({
      ...{ host, plugins: ourDir(), command, container, containerId: "one" },
      ...{ list: this.#list, prevResult: command === "ADD" ? undefined : this.#result },
      ...more,
    });
    if (command === "ADD" && more.ifName === undefined) this.#result = answer.json;
    return answer;
  }

  /** The same for the plugins behind the first alone, so that the container's link stays. */
  async removeExtras(): Promise<void> {
    const [, ...plugins] = this.#list.plugins;
    const answer = await this.call("DEL", { list: { ...this.#list, plugins } });
    if (!answer.ok) throw new Error(`Cannot take away what was added: ${answer.stdout}`);
  }

  /** Throws unless the call succeeds; gives its result. */
  async add(): Promise<any> {
    const answer = await this.call("ADD");
    if (!answer.ok) throw new Error(`Cannot attach: ${answer.stdout}${answer.stderr}`);
    return answer.json;
  }

  /** What the container's link has, as `ip` tells it. */
  async link(): Promise<any> {
    const text = await this.host.shell("ip -j -d link show dev eth0", this.container);
    const [{ address, mtu, txqlen, flags }] = JSON.parse(text);
    return {
      address,
      mtu,
      txqlen,
      promisc: flags.includes("PROMISC"),
      allmulti: flags.includes("ALLMULTI"),
    };
  }

  async sysctl(path: string): Promise<string> {
    return (await this.host.shell(`cat /proc/sys/${path}`, this.container)).trim();
  }
}
