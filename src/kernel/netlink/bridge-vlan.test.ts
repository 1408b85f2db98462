/** Ranges of VLANs become single ones, so that lists can be compared. */
import { expect, test } from "bun:test";
import type { BridgeVlan } from "../../model/kernel-object.ts";
import { expandVlans } from "./bridge-vlan.ts";

const cases: [string, BridgeVlan[], BridgeVlan[]][] = [
  ["nothing", [], []],
  [
    "single VLANs in any order",
    [{ vid: 7 }, { vid: 1, pvid: true }],
    [{ vid: 1, pvid: true }, { vid: 7 }],
  ],
  ["a range", [{ vid: 7, vidEnd: 9 }], [{ vid: 7 }, { vid: 8 }, { vid: 9 }]],
  ["a range of one", [{ vid: 7, vidEnd: 7 }], [{ vid: 7 }]],
  [
    "a range with its flags",
    [{ vid: 2, vidEnd: 3, untagged: true }],
    [
      { vid: 2, untagged: true },
      { vid: 3, untagged: true },
    ],
  ],
];
test.each(cases)("%s", (_, vlans, expanded) => {
  expect(expandVlans(vlans)).toEqual(expanded);
});
