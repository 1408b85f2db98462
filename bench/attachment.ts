/** Attaches and detaches one container as libcni does: the chain, plugin by plugin. */
import {
  type Answer,
  type Command,
  type PluginCall,
  peakMemoryMiB,
  runAlone,
  runBeside,
} from "./run-plugin.ts";
import { type Contestant, type Lane, pluginsOf, type Workload } from "./workloads.ts";

/** A chain's cost: its processes' sums. */
export interface ChainSample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export class Attachment {
  readonly #workload: Workload;
  readonly #contestant: Contestant;
  readonly #lane: Lane;
  readonly #dir: string;
  #result: unknown;

  /** `dir` holds the contestant's state: addresses, records. */
  constructor(workload: Workload, contestant: Contestant, lane: Lane, dir: string) {
    this.#workload = workload;
    this.#contestant = contestant;
    this.#lane = lane;
    this.#dir = dir;
  }

  /** Runs the verb's chain while nothing else runs. Throws when a plugin fails. */
  alone(command: Command): ChainSample {
    const samples = this.#order(command).map((plugin) => {
      const answer = runAlone(this.#call(command, plugin));
      this.#keep(command, answer.result);
      return answer;
    });
    return sum(samples);
  }

  /** The same beside other attachments. */
  async beside(command: Command): Promise<ChainSample> {
    const samples: Answer[] = [];
    for (const plugin of this.#order(command)) {
      const answer = await runBeside(this.#call(command, plugin));
      this.#keep(command, answer.result);
      samples.push(answer);
    }
    return sum(samples);
  }

  /** The largest of the chain's processes, in MiB. */
  peakMemoryMiB(command: Command): number {
    const sizes = this.#order(command).map((plugin) => {
      const answer = peakMemoryMiB(this.#call(command, plugin));
      this.#keep(command, answer.result);
      return answer.mib;
    });
    return Math.max(...sizes);
  }

  #order(command: Command) {
    const site = { contestant: this.#contestant, lane: this.#lane, dir: this.#dir };
    const plugins = pluginsOf(this.#workload, site);
    return command === "ADD" ? plugins : plugins.reverse();
  }

  #keep(command: Command, result: unknown) {
    if (command === "ADD") this.#result = result;
  }

  #call(command: Command, plugin: { readonly type: string }): PluginCall {
    const name = `bench-${this.#workload.name.replaceAll(/[^a-z]+/g, "-")}`;
    const prevResult = this.#result === undefined ? {} : { prevResult: this.#result };
    return {
      executable: `${this.#contestant.pluginDir}/${plugin.type}`,
      command,
      containerId: this.#lane.containerId,
      netns: this.#lane.netns,
      ifName: "eth0",
      pluginDir: this.#contestant.pluginDir,
      stateDir: this.#dir,
      config: { cniVersion: "1.0.0", name, ...plugin, ...prevResult },
    };
  }
}

const sum = (samples: readonly ChainSample[]): ChainSample => ({
  wallMs: samples.reduce((total, sample) => total + sample.wallMs, 0),
  cpuMs: samples.reduce((total, sample) => total + sample.cpuMs, 0),
});
