/** How long a network is told of after BGP no longer carries it. */
import { expect, test } from "bun:test";
import { Lingering } from "./lingering.ts";

const blue = { name: "default/blue", cidrs: ["10.1.0.0/16"], announced: ["10.1.0.0/26"] };
const routed = new Set([blue.name]);
const names = (of: ReturnType<Lingering["stage"]>) => of.networks.map(({ name }) => name);

test("a network that another backend carries now is told of for five seconds more", () => {
  const own = new Lingering();
  expect(own.stage({ networks: [blue], routed }, 0)).toEqual({ networks: [blue] });
  expect(own.stage({ networks: [], routed }, 100)).toEqual({ networks: [blue], waitMs: 5000 });
  expect(own.stage({ networks: [], routed }, 5000)).toEqual({ networks: [blue], waitMs: 100 });
  expect(names(own.stage({ networks: [], routed }, 5100))).toEqual([]);
  expect(names(own.stage({ networks: [], routed }, 5200))).toEqual([]);
});

test("one that comes back begins anew, and one that is deleted goes at once", () => {
  const own = new Lingering();
  own.stage({ networks: [blue], routed }, 0);
  own.stage({ networks: [], routed }, 1000);
  expect(own.stage({ networks: [blue], routed }, 2000)).toEqual({ networks: [blue] });
  expect(own.stage({ networks: [], routed }, 8000).waitMs).toBe(5000);
  expect(names(own.stage({ networks: [], routed: new Set() }, 8100))).toEqual([]);
});
