/** What must hold once all is quiet. */
import { nextBlock } from "../../../src/ipam/block.ts";
import {
  type BlockAllocation,
  countFree,
  isAmong,
  obstacle,
} from "../../../src/ipam/block-allocation.ts";
import { isInPlace } from "../../../src/ipam/node-prefix.ts";
import { parseIp } from "../../../src/lib/ip.ts";
import { containsIp, parsePrefix } from "../../../src/lib/prefix.ts";
import type { ApiPort } from "./memory-store.ts";
import { Violation } from "./oracle.ts";
import type { Simulation } from "./simulation.ts";

/** Every port has what it asks for, unless another has it or nothing is left. Throws Violation. */
export function checkSettled(simulation: Simulation): void {
  for (const [, { value }] of simulation.world.store.list("port")) {
    if (value.address === undefined) checkHopeless(simulation, value);
    else if (value.wish !== undefined && value.address !== value.wish) {
      throw new Violation(`"${value.uid}" asked for "${value.wish}", but got "${value.address}"`);
    }
  }
}

function checkHopeless(simulation: Simulation, port: ApiPort): void {
  const { uid, subnet, wish, identity } = port;
  const { world } = simulation;
  const { nowMs } = world;
  const { layout } = world.subnets.get(subnet)!;
  const on = { host: port.host, prefixes: world.planOf(subnet) };
  const ranges = world.rangesOf({ ...port, address: wish }, on);
  const states = statesOf(simulation, subnet);
  if (wish !== undefined) {
    if (!isAmong(ranges, wish)) return;
    const state = states.find(({ cidr }) => containsIp(parsePrefix(cidr), parseIp(wish)));
    if (state && obstacle(state, wish, { identity, nowMs })) return;
    throw new Violation(`"${uid}" did not get "${wish}" in "${subnet}", which nobody has`);
  }
  const existing = new Set(states.map(({ cidr }) => cidr));
  const free = states.reduce((sum, state) => sum + countFree(state, ranges, nowMs), 0);
  if (free > 0 || nextBlock({ layout, ranges, existing })) {
    throw new Violation(
      `"${uid}" has no address, though ${free} are free in "${subnet}" and blocks`,
    );
  }
}

/** The true state of each block of a subnet: the holder's. */
function statesOf({ world, hosts }: Simulation, subnet: string): BlockAllocation[] {
  return world.store.list("block").flatMap(([name, { value }]) => {
    if (value.spec.subnet.name !== subnet) return [];
    const host = hosts.find((each) => each.name === value.spec.host && world.isServedBy(each));
    const state = host
      ? host.files.find(({ block, lease }) => block === name && lease === value.spec.lease)
      : value.status.allocation;
    if (!state) throw new Violation(`Block "${name}" has no state at "${value.spec.host}"`);
    return [state];
  });
}

/** Blocks that lie where hosts' prefixes say not give nothing more. Throws Violation. */
export function checkPlanned({ world }: Simulation): void {
  for (const [name, { value }] of world.store.list("block")) {
    const { host, cidr, subnet, recalled } = value.spec;
    const plan = world.planOf(subnet.name);
    if (host === "" || recalled || isInPlace({ host, cidr: parsePrefix(cidr) }, plan)) continue;
    throw new Violation(`Block "${name}" of "${host}" is not recalled`);
  }
}

/** Nothing is left when nobody uses anything. Throws Violation. */
export function checkDrained({ world, hosts }: Simulation): void {
  const left = [
    ...world.store.list("block").map(([name]) => `block "${name}"`),
    ...world.store.list("port").map(([name]) => `port "${name}"`),
    ...world.store
      .list("host")
      .flatMap(([name, { value }]) => (value.removing ? [`removal of "${name}"`] : [])),
    ...hosts
      .filter(world.isServedBy)
      .flatMap(({ name, files }) => files.map(({ block }) => `file of "${block}" on "${name}"`)),
    ...(world.oracle.count > 0 ? [`${world.oracle.count} addresses in use`] : []),
  ];
  if (left.length > 0) throw new Violation(`Left over: ${left.join(", ")}`);
}
