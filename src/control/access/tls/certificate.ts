/** Makes X.509 certificates over P-256. Source: RFC 5280, RFC 5480. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from "node:crypto";
import { isIP } from "node:net";
import { ipToBytes } from "../../../lib/ip.ts";
import { bits, integer, octets, oid, sequence, set, tagged, time, utf8, yes } from "./der.ts";

/** In PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly subject: string;
  /** authority: signs others. */
  readonly use: "authority" | "server" | "client";
  /** Names and addresses of a server. */
  readonly names?: readonly string[];
  readonly days: number;
  readonly now: Date;
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const subjectNameType = oid("2.5.4.3");
const extendedUse = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;
/** Clocks differ. */
const earlierMs = 3600_000;
const dayMs = 86_400_000;

/** A new key with its certificate, signed by the authority, or by itself without one. */
export function makeCertificate(request: CertificateRequest, authority?: KeyPair): KeyPair {
  const pair = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const spki = pair.publicKey as unknown as Uint8Array;
  const key = pair.privateKey;
  const signer = createPrivateKey(authority?.key ?? key);
  const signerSpki = createPublicKey(signer).export({ type: "spki", format: "der" });
  const subject = nameOf(request.subject);
  const issuer = authority ? subjectOf(authority.cert) : subject;
  const { now, days } = request;
  const validity = sequence(
    time(new Date(now.getTime() - earlierMs)),
    time(new Date(now.getTime() + days * dayMs)),
  );
  const body = sequence(
    // Version 3.
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial()),
    ecdsaWithSha256,
    issuer,
    validity,
    subject,
    spki,
    tagged(0xa3, sequence(...extensions(request, { spki, signerSpki }))),
  );
  const certificate = sequence(body, ecdsaWithSha256, bits(sign("sha256", body, signer)));
  return { cert: pem("CERTIFICATE", certificate), key };
}

/** Positive, unlike any other. */
function serial(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

const nameOf = (subject: string) => sequence(set(sequence(subjectNameType, utf8(subject))));

interface Keys {
  readonly spki: Uint8Array;
  readonly signerSpki: Uint8Array;
}

function extensions({ use, names = [] }: CertificateRequest, { spki, signerSpki }: Keys) {
  const isAuthority = use === "authority";
  const extension = (id: string, value: Uint8Array, isCritical = false) =>
    sequence(oid(id), ...(isCritical ? [yes] : []), octets(value));
  return [
    extension("2.5.29.19", isAuthority ? sequence(yes) : sequence(), true),
    // keyCertSign and cRLSign, or digitalSignature.
    extension(
      "2.5.29.15",
      isAuthority ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0x80]), 7),
      true,
    ),
    ...(use === "authority" ? [] : [extension("2.5.29.37", sequence(oid(extendedUse[use])))]),
    ...(names.length > 0 ? [extension("2.5.29.17", sequence(...names.map(alternative)))] : []),
    extension("2.5.29.14", octets(keyId(spki))),
    extension("2.5.29.35", sequence(tagged(0x80, keyId(signerSpki)))),
  ];
}

/** A name of DNS, or an address. */
function alternative(name: string): Uint8Array {
  if (isIP(name) === 0) return tagged(0x82, Buffer.from(name));
  return tagged(0x87, ipToBytes(name));
}

const keyId = (spki: Uint8Array) => createHash("sha1").update(spki).digest();

/** The subject of a certificate, as it stands there: issuers must be named by the same bytes. */
export function subjectOf(certificate: string): Uint8Array {
  const bytes = Buffer.from(certificate.replace(/-----[^-]+-----/g, ""), "base64");
  const [body] = partsOf(bytes);
  // Version, serial number, algorithm, issuer, validity, subject.
  return partsOf(body!)[5]!;
}

/** The values within a sequence. */
function partsOf(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = headerOf(bytes, 0).end; at < bytes.length; ) {
    const { end, length } = headerOf(bytes, at);
    parts.push(bytes.subarray(at, end + length));
    at = end + length;
  }
  return parts;
}

function headerOf(bytes: Uint8Array, at: number): { end: number; length: number } {
  const first = bytes[at + 1]!;
  if (first < 0x80) return { end: at + 2, length: first };
  const digits = bytes.subarray(at + 2, at + 2 + (first & 0x7f));
  const length = digits.reduce((sum, byte) => sum * 256 + byte, 0);
  return { end: at + 2 + digits.length, length };
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
