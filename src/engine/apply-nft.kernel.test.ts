/** Elements of thousands of published ports. */
import { expect, spyOn, test } from "bun:test";
import { plainPort } from "../drivers/driver-fixture.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import { addElements, removeElements } from "./apply-nft.ts";
import { EngineFixture } from "./engine-fixture.ts";

/** A range of ports, published on every address of IPv4. */
function published(range: number) {
  const mapping = { hostPort: 1000, containerPort: 1000, protocol: "tcp", range } as const;
  const rest = { via: {}, snat: false, masqAll: false, mappings: [mapping] };
  const objects = portmapObjects({ ...plainPort, ips: [{ address: "10.1.0.5/24" }], ...rest });
  return objects.filter((object) => object.kind === "nft-element");
}

test("a large range is sent once, though our tables are not there yet, and goes again", async () => {
  using fixture = new EngineFixture("range");
  const range = 1500;
  await fixture.engine(async ({ session }) => {
    await session.loadNft();
    using change = spyOn(session.nft, "change");
    const elements = published(range);
    addElements(session, elements, []);
    expect(change).toHaveBeenCalledTimes(1);
    const count = () => {
      const text = fixture.host.run("nft", "-j", "list", "map", "inet", "netloom_cni", "publish4");
      const [, { map }] = JSON.parse(text).nftables;
      return map.elem?.length ?? 0;
    };
    expect(count()).toBe(range);
    removeElements(session, elements);
    expect(count()).toBe(0);
  });
});
