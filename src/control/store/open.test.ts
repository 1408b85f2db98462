/** A store's URL: what is understood, and what is refused in which words. */
import { expect, test } from "bun:test";
import { openStore, parseStoreUrl, StoreUrlError } from "./open.ts";
import { StoreUnavailableError } from "./store.ts";

const good: [url: string, place: object][] = [
  ["sqlite:/var/lib/x/store.db", { kind: "sqlite", path: "/var/lib/x/store.db" }],
  [
    "etcd:https://a:2379,https://[2001:db8::1]:2379?ca=/ca.pem&cert=/c.pem&key=/k.pem",
    {
      kind: "etcd",
      endpoints: ["https://a:2379", "https://[2001:db8::1]:2379"],
      files: { ca: "/ca.pem", cert: "/c.pem", key: "/k.pem" },
      compact: true,
    },
  ],
  [
    "etcd:http://127.0.0.1:2379?compact=off",
    { kind: "etcd", endpoints: ["http://127.0.0.1:2379"], files: {}, compact: false },
  ],
];
test.each(good)("%s is understood", (url, place) => {
  expect(parseStoreUrl(url)).toEqual(place as any);
});

const bad: [url: string, says: RegExp][] = [
  ["", /write "sqlite:/],
  ["postgres:/x", /write "sqlite:/],
  ["sqlite:store.db", /"store.db" is no path that begins with "\/"/],
  ["etcd:", /"" is no address/],
  ["etcd:a:2379", /"a:2379" is no address/],
  ["etcd:https://a:2379,", /"" is no address/],
  ["etcd:https://a:2379/v3", /"https:\/\/a:2379\/v3" is no address/],
  ["etcd:https://me:secret@a:2379", /is no address/],
  ["etcd:http://10.0.0.1:2379", /"http:\/\/10.0.0.1:2379" needs https/],
  ["etcd:http://127.evil.example:2379", /needs https/],
  ["etcd:https://a:2379?ca=ca.pem", /"ca.pem" is no path/],
  ["etcd:https://a:2379?cert=/c.pem", /cert and key go together/],
  ["etcd:https://a:2379?user=x", /"user=x" is none of ca, cert, key/],
  ["etcd:https://a:2379?compact=on", /"compact=on" is none of/],
];
test.each(bad)("%s is refused", (url, says) => {
  expect(() => parseStoreUrl(url)).toThrow(StoreUrlError);
  expect(() => parseStoreUrl(url)).toThrow(says);
});

test("a certificate that is not there is named", async () => {
  const open = openStore("etcd:https://127.0.0.1:1?ca=/nowhere/ca.pem");
  await expect(open).rejects.toThrow(StoreUnavailableError);
  await expect(open).rejects.toThrow('"/nowhere/ca.pem" can\'t be read (ENOENT)');
});
