/** Failover: who is asked next, and when nobody may be. */
import { expect, test } from "bun:test";
import { type ApiRequest, Servers, type Transport, UnreachableError } from "./transport.ts";

const get: ApiRequest = { method: "GET", headers: {} };
const post: ApiRequest = { method: "POST", headers: {} };
const patch: ApiRequest = {
  method: "PATCH",
  headers: { "content-type": "application/apply-patch+yaml" },
};
const servers = (list: readonly Transport[]) => new Servers(list).send;
const coded = (code: string) => Object.assign(new Error(`It says ${code}`), { code });

/** A server that does as `state` says, and the requests that it got. */
function server(state: { fails?: Error; status?: number }) {
  const got: string[] = [];
  const transport: Transport = async (_, { method }) => {
    got.push(method);
    if (state.fails) throw state.fails;
    return new Response("{}", { status: state.status ?? 200 });
  };
  return { transport, got };
}

test("the next server is asked where one refuses, and it stays the first to be asked", async () => {
  const down = server({ fails: coded("ConnectionRefused") });
  const up = server({});
  const send = servers([down.transport, up.transport]);
  for (const request of [post, get, post]) expect((await send("/", request)).status).toBe(200);
  expect(down.got).toEqual(["POST"]);
  expect(up.got).toEqual(["POST", "GET", "POST"]);
});

test("what may have been done is not repeated elsewhere, reading and applying is", async () => {
  const dying = server({ fails: coded("ECONNRESET") });
  const up = server({});
  const send = () => servers([dying.transport, up.transport]);
  await expect(send()("/", post)).rejects.toThrow(UnreachableError);
  expect(up.got).toEqual([]);
  expect((await send()("/", get)).status).toBe(200);
  expect((await send()("/", patch)).status).toBe(200);
});

test("a server without its store is passed over when reading", async () => {
  const busy = server({ status: 503 });
  const up = server({});
  expect((await servers([busy.transport, up.transport])("/", get)).status).toBe(200);
  expect((await servers([busy.transport, up.transport])("/", post)).status).toBe(503);
  expect((await servers([busy.transport])("/", get)).status).toBe(503);
});

test("where nobody answers, the error tells what each said", async () => {
  const send = servers([
    server({ fails: coded("ENOENT") }).transport,
    server({ fails: coded("ConnectionRefused") }).transport,
  ]);
  await expect(send("/", get)).rejects.toThrow(
    "No server answers: It says ENOENT; It says ConnectionRefused",
  );
});

test("a caller who gave up asks nobody else", async () => {
  const aborted = AbortSignal.abort();
  const other = server({});
  const send = servers([server({ fails: new Error("aborted") }).transport, other.transport]);
  await expect(send("/", { ...get, signal: aborted })).rejects.toThrow("aborted");
  expect(other.got).toEqual([]);
});

test("the error ends with what to do, and says whether time ran out", async () => {
  const late = new DOMException("late", "TimeoutError");
  const failing = (fails: Error) => server({ fails }).transport;
  const error = (list: readonly Transport[]) =>
    new Servers(list, "Start one").send("/", get).catch((error) => error);
  expect((await error([failing(coded("ENOENT"))])).message).toEndWith("says ENOENT. Start one");
  expect((await error([failing(late), failing(late)])).isTimeout).toBe(true);
  expect((await error([failing(late), failing(coded("ENOENT"))])).isTimeout).toBe(false);
});

test("a server that can't be trusted was told nothing, so the next is asked", async () => {
  const forged = server({ fails: coded("UNABLE_TO_VERIFY_LEAF_CERT") });
  const up = server({});
  expect((await servers([forged.transport, up.transport])("/", post)).status).toBe(200);
});

test("one whose answer broke off is passed over, unless another was by then", async () => {
  const one = server({});
  const two = server({});
  const both = new Servers([one.transport, two.transport]);
  const broken = await both.send("/", get);
  both.passOver(broken);
  both.passOver(broken);
  await both.send("/", post);
  expect([one.got, two.got]).toEqual([["GET"], ["POST"]]);
});
