/** What is no request to the agent. */
import { expect, test } from "bun:test";
import { readRequest } from "./request.ts";

const request = { verb: "cni", env: { CNI_COMMAND: "ADD", PATH: "/x" }, stdin: "[[[", withinMs: 1 };

test("of the environment CNI's own variables are taken", () => {
  expect(readRequest(JSON.stringify(request))).toMatchObject({ env: { CNI_COMMAND: "ADD" } });
});

test.each(["[".repeat(100), '{"verb": [[', '{"env": {"a": [[1]]}}'])(
  "what nests is refused before it is parsed: %p",
  (text) => expect(() => readRequest(text)).toThrow("nests deeper"),
);
