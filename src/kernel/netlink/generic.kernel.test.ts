/** Families of generic netlink, found by name. */
import { describe, expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { familyId, MissingModuleError } from "./generic.ts";

describe("a family", () => {
  test("is found by its name, and its number by the same name again", () => {
    using netns = new ScratchNetns("generic");
    using socket = netns.socket("generic");
    expect(familyId(socket, "nlctrl")).toBe(16);
    expect(familyId(socket, "nlctrl")).toBe(16);
  });
  test("that no module brings is an error that says which module to load, and how", () => {
    using netns = new ScratchNetns("generic");
    using socket = netns.socket("generic");
    const find = () => familyId(socket, "nl-no-such");
    expect(find).toThrow(MissingModuleError);
    expect(find).toThrow("load the module (modprobe nl-no-such), or boot a kernel that has it");
  });
});
