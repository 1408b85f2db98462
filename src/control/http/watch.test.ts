/** Watches and node specs as their clients see them, without sockets. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { network, networks, root, TestApi } from "./app-fixture.ts";

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.make();
});
afterEach(() => api.close());

const send: TestApi["send"] = (...request) => api.send(...request);
const call: TestApi["call"] = (...request) => api.call(...request);

describe("a watch", () => {
  /** The lines of a watch, as they come. */
  async function* watch(query: string) {
    const response = await send("GET", `${networks}?watch=true&${query}`);
    let rest = "";
    for await (const chunk of response.body!) {
      rest += new TextDecoder().decode(chunk);
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as { type: string; object: any };
    }
  }
  const next = async (events: AsyncGenerator<{ type: string; object: any }>) => {
    const { value } = await events.next();
    return `${value?.type} ${value?.object.metadata?.name ?? value?.object.reason}`;
  };
  const label = (name: string, labels: object) =>
    call(
      "PATCH",
      `${networks}/${name}`,
      { metadata: { labels } },
      { headers: { "content-type": "application/merge-patch+json" } },
    );

  const initially = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

  test("without a version begins with what there is; bookmarks come to who wants them", async () => {
    await call("POST", networks, network("blue"));
    const bare = watch(initially);
    expect(await next(bare)).toBe("ADDED blue");
    await call("POST", networks, network("red"));
    expect(await next(bare)).toBe("ADDED red");
    const marked = watch("resourceVersion=0&allowWatchBookmarks=true");
    expect([await next(marked), await next(marked)].sort()).toEqual(["ADDED blue", "ADDED red"]);
    expect((await marked.next()).value!.type).toBe("BOOKMARK");
    for (const each of [bare, marked]) await each.return(undefined);
  });

  test("tells only of what comes where what there is was not asked for", async () => {
    await call("POST", networks, network("blue"));
    const events = watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
    const first = next(events);
    // It may begin a moment after it was asked for: changes come until one is told.
    let isTold = false;
    first.then(() => {
      isTold = true;
    });
    for (let i = 0; !isTold; i++) {
      await call("POST", networks, network(`red-${i}`));
      await Bun.sleep(5);
    }
    expect(await first).toStartWith("ADDED red-");
    await events.return(undefined);
  });

  test("of a version that is not there yet is told so", async () => {
    expect(await next(watch(`${initially}&resourceVersion=1000000`))).toBe("ERROR Timeout");
  });

  test.each([
    ["watch=true&sendInitialEvents=true", "sendInitialEvents requires setting"],
    ["watch=true&resourceVersionMatch=NotOlderThan", "forbidden for watch unless"],
    ["sendInitialEvents=true", "sendInitialEvents is forbidden for list"],
    ["resourceVersionMatch=Exact", "forbidden unless resourceVersion is provided"],
    ["resourceVersionMatch=Exact&resourceVersion=0", 'forbidden for resourceVersion "0"'],
    ["resourceVersionMatch=Newest&resourceVersion=1", 'Unsupported value: "Newest"'],
  ])(
    "%s is refused as by Kubernetes, so that clients list in its place",
    async (query, message) => {
      const { body, code } = await call("GET", `${networks}?${query}`);
      expect([code, body.reason]).toEqual([422, "Invalid"]);
      expect(body.message).toStartWith('ListOptions.meta.k8s.io "" is invalid: ');
      expect(body.message).toContain(message);
    },
  );

  test("tells of what there is, where it ends, and of what changes", async () => {
    await call("POST", networks, network("blue"));
    const events = watch(`${initially}&allowWatchBookmarks=true`);
    expect(await next(events)).toBe("ADDED blue");
    const { value } = await events.next();
    expect(value!.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    await call("POST", networks, network("red"));
    expect(await next(events)).toBe("ADDED red");
    await call("DELETE", `${networks}/blue`);
    expect(await next(events)).toBe("DELETED blue");
    await events.return(undefined);
  });

  test("resumes where another ended, without what it doesn't select", async () => {
    const { body } = await call("POST", networks, network("blue"));
    await call("POST", networks, network("red", { type: "none" }, { labels: { a: "b" } }));
    await label("red", { a: "c" });
    await label("red", { a: "b" });
    const from = `resourceVersion=${body.metadata.resourceVersion}`;
    const events = watch(`${from}&labelSelector=a%3Db`);
    expect([await next(events), await next(events), await next(events)]).toEqual([
      "ADDED red",
      "DELETED red",
      "ADDED red",
    ]);
    await events.return(undefined);
  });

  test("says that the client must list again where the past is forgotten", async () => {
    const { body } = await call("POST", networks, network("blue"));
    const last = await call("POST", networks, network("red"));
    await api.store.compact(Number(last.body.metadata.resourceVersion));
    const events = watch(`resourceVersion=${Number(body.metadata.resourceVersion) - 1}`);
    expect(await next(events)).toBe("ERROR Expired");
    const future = watch("resourceVersion=1000000");
    expect(await next(future)).toBe("ERROR Expired");
  });

  test("ends with its time", async () => {
    expect((await watch("timeoutSeconds=1&resourceVersion=2").next()).done).toBe(true);
  });

  test("ends with the server", async () => {
    const end = watch("resourceVersion=2").next();
    setTimeout(() => api.ends.abort(), 20);
    expect((await end).done).toBe(true);
  });

  test("gives tables to who asks for them, and their columns once", async () => {
    const { body } = await call("POST", networks, network("blue"));
    const from = Number(body.metadata.resourceVersion) - 1;
    const response = await send(
      "GET",
      `${networks}?watch=true&resourceVersion=${from}`,
      undefined,
      {
        headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
      },
    );
    await call("POST", networks, network("red"));
    const reader = response.body!.getReader();
    const read = async () => JSON.parse(new TextDecoder().decode((await reader.read()).value));
    const [first, second] = [await read(), await read()];
    expect(first.object.rows[0].cells.slice(0, 2)).toEqual(["blue", "bridge"]);
    expect(first.object.columnDefinitions[0].name).toBe("Name");
    expect([second.object.rows[0].cells[0], second.object.columnDefinitions]).toEqual([
      "red",
      null,
    ]);
    await reader.cancel();
  });
});

describe("a node spec", () => {
  test("holds what a host must know, then what of it changes, an entry a change", async () => {
    const host = (name: string, labels: object) =>
      call("POST", `${root}/hosts`, {
        apiVersion: "netloom.dev/v1alpha1",
        kind: "Host",
        metadata: { name, labels },
        spec: {},
      });
    const port = (name: string, of: string) =>
      call("POST", `${root}/namespaces/default/ports`, {
        apiVersion: "netloom.dev/v1alpha1",
        kind: "Port",
        metadata: { name },
        spec: { network: "blue", host: of },
      });
    await host("one", { rack: "a" });
    await host("two", { rack: "b" });
    await call("POST", networks, network("blue"));
    const hosts = { matchLabels: { rack: "b" } };
    await call("POST", networks, network("red", { type: "none", hosts }));
    await port("mine", "one");
    await port("theirs", "two");
    const follow = async (query = "") => {
      const path = `${root}/hosts/one/nodespec?watch=true${query}`;
      const reader = (await send("GET", path)).body!.getReader();
      let lines: string[] = [];
      return async () => {
        while (lines.length === 0) {
          const { value, done } = await reader.read();
          if (done) return "end";
          lines = new TextDecoder().decode(value).trim().split("\n");
        }
        const { type, object } = JSON.parse(lines.shift()!);
        const name = object.metadata.name ?? object.metadata.resourceVersion;
        return type === "BOOKMARK" ? type : `${type} ${object.kind} ${name}`;
      };
    };
    const next = await follow();
    const initial = [];
    while (initial.at(-1) !== "BOOKMARK") initial.push(await next());
    expect(initial.slice(0, -1)).toEqual([
      "ADDED Namespace default",
      "ADDED Network blue",
      "ADDED Port mine",
      "ADDED Host one",
    ]);
    await port("another", "two");
    const { body } = await port("more", "one");
    expect(await next()).toBe("ADDED Port more");
    await call(
      "PATCH",
      `${root}/hosts/one`,
      { metadata: { labels: { rack: "b" } } },
      { headers: { "content-type": "application/merge-patch+json" } },
    );
    expect([await next(), await next()]).toEqual(["MODIFIED Host one", "ADDED Network red"]);
    const resumed = await follow(`&resourceVersion=${body.metadata.resourceVersion}`);
    expect([await resumed(), await resumed()]).toEqual(["MODIFIED Host one", "ADDED Network red"]);
    await call("DELETE", `${root}/namespaces/default/ports/mine`);
    expect([await next(), await next()]).toEqual(["BOOKMARK", "DELETED Port mine"]);
  });
});
