/** What an overlay needs on a host. */
import { expect, test } from "bun:test";
import { underlayNetns } from "../model/kernel-object.ts";
import { ofKind, plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";
import { overlay, segmentLink } from "./overlay.ts";

const config = overlay.parse({ bridge: "nlb-blue", mtu: 1450 });

test("its bridge has no address, leads nowhere, and says nothing by itself", () => {
  const objects = [
    ...overlay.network(config, "a.blue", plainHost),
    ...overlay.port(overlay.complete(plainPort, config), config, plainHost),
  ];
  const onBridge = ofKind("address", objects).filter(({ link }) => link === "nlb-blue");
  expect(onBridge).toEqual([]);
  const sysctls = sysctlsOf(objects);
  expect(sysctls).toContain("net/ipv6/conf/nlb-blue/addr_gen_mode=1");
  expect(sysctls.filter((each) => /forward/.test(each))).toEqual([]);
});

test("of its links the container's alone is told", () => {
  expect(overlay.links(plainPort, config)).toEqual([{ netns: plainPort.netns, name: "eth0" }]);
});

test("its VXLAN link is made in the underlay, in the bridge, and learns nothing", () => {
  const segment = {
    ...{ bridge: "nlb-blue", network: "a.blue", vni: 16777215, local: "2001:db8::1" },
    ...{ checksumOffload: true, port: 8472, mtu: 1430, mark: "0123456789abcdef", dscp: 0 },
  };
  const link = segmentLink(segment, plainHost);
  expect(link).toMatchObject({
    ...{ name: "nlx-16777215", underlay: underlayNetns, master: "nlb-blue", mtu: 1430 },
    vxlan: { id: 16777215, local: "2001:db8::1", port: 8472, dscp: 0 },
    bridgePort: { learning: false, unicastFlood: false, neighSuppress: true },
  });
  expect(link.name.length).toBeLessThan(16);
  // Said too, so that what was asked for before does not stay.
  expect(link.vxlan.ttl).toBe(0);
});
