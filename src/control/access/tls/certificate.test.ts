/** Certificates that openssl finds right, and wrong where they should be. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KeyPair, makeCertificate } from "./certificate.ts";

let folder: string;
let authority: KeyPair;
const now = new Date();
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-certificate-"));
  authority = makeCertificate({ subject: "authority", use: "authority", days: 10, now });
});
afterAll(() => rmSync(folder, { recursive: true }));

function verify(certificate: KeyPair, ...words: readonly string[]): boolean {
  const [ca, cert] = [file("ca.crt", authority.cert), file("one.crt", certificate.cert)];
  const { exitCode } = Bun.spawnSync([
    ...["openssl", "verify", "-x509_strict", "-CAfile", ca, ...words, cert],
  ]);
  return exitCode === 0;
}

const names = ["node-1", "127.0.0.1", "fd00::1"];
const server = () =>
  makeCertificate({ subject: "s", use: "server", names, days: 1, now }, authority);

test("a server's certificate is good for its names and addresses, and as a server's alone", () => {
  const made = server();
  const checks = [
    ["-verify_hostname", "node-1"],
    ["-verify_ip", "127.0.0.1"],
    ["-verify_ip", "fd00::1"],
    ["-purpose", "sslserver"],
  ];
  expect(checks.map((words) => verify(made, ...words))).toEqual([true, true, true, true]);
  expect(verify(made, "-verify_ip", "127.0.0.2")).toBe(false);
  expect(verify(made, "-purpose", "sslclient")).toBe(false);
});

test("a client's certificate is good as a client's alone", () => {
  const made = makeCertificate({ subject: "bob", use: "client", days: 1, now }, authority);
  expect(verify(made, "-purpose", "sslclient")).toBe(true);
  expect(verify(made, "-purpose", "sslserver")).toBe(false);
});

test("a certificate by another authority, or one that is over, is refused", () => {
  const other = makeCertificate({ subject: "authority", use: "authority", days: 10, now });
  const foreign = makeCertificate({ subject: "bob", use: "client", days: 1, now }, other);
  const past = new Date(now.getTime() - 3 * 86_400_000);
  const over = makeCertificate({ subject: "bob", use: "client", days: 1, now: past }, authority);
  expect([verify(foreign), verify(over)]).toEqual([false, false]);
});

test("the key belongs to the certificate, also long after 2049", () => {
  const days = 40 * 365;
  const made = makeCertificate({ subject: "bob", use: "client", days, now }, authority);
  const key = (words: readonly string[]) => Bun.spawnSync(["openssl", ...words]).stdout.toString();
  const ofCertificate = key(["x509", "-in", file("c.crt", made.cert), "-noout", "-pubkey"]);
  expect(key(["pkey", "-in", file("c.key", made.key), "-pubout"])).toBe(ofCertificate);
  expect(verify(made)).toBe(true);
});
