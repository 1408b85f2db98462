/** What is true of every network type without a kernel. */
import { describe, expect, test } from "bun:test";
import { isShared, type KernelObject } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import { candidates, examAddresses } from "./conformance.ts";
import { plainHost, plainPort } from "./driver-fixture.ts";

const { ips, gateways } = examAddresses(1);
const port: Port = {
  ...plainPort,
  ips: ips.map((address, i) => ({ address, gateway: gateways[i]! })),
};

describe.each(candidates.map((candidate) => [candidate.name, candidate] as const))(
  "%s",
  (_, { driver, config, routes = [] }) => {
    const desired = (): KernelObject[] => {
      const parsed = driver.parse(structuredClone(config));
      const completed = driver.complete({ ...structuredClone(port), routes }, parsed);
      return [
        ...driver.network(parsed, "blue", plainHost),
        ...driver.port(completed, parsed, plainHost),
      ];
    };

    test("gives equal output for equal input", () => {
      expect(desired()).toEqual(desired());
    });

    test("changes nothing of what it is given", () => {
      const frozen = Object.freeze({ ...port, routes: Object.freeze([...routes]) });
      const parsed = Object.freeze(driver.parse(config));
      const completed = driver.complete(frozen, parsed);
      expect(driver.port(Object.freeze(completed), parsed, plainHost)).toEqual(
        driver.port(driver.complete(frozen, parsed), parsed, plainHost),
      );
    });

    test("survives being written to a record and read again", () => {
      const objects = desired();
      expect(JSON.parse(JSON.stringify(objects))).toEqual(objects);
    });

    test("has the network or the attachment own each object, by its life", () => {
      for (const object of desired()) {
        expect(object.scope).toBe(isShared(object) ? "net:blue" : `att:${port.id}`);
      }
    });

    test("marks what is its own, and shares nothing inside the container", () => {
      for (const object of desired()) {
        if (object.netns === port.netns) expect(object.life).toBe("exclusive");
        if (object.kind === "link" && object.life === "exclusive") {
          expect(object.alias).toBe(port.alias);
        }
      }
    });
  },
);
