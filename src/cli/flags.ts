/** Options that several commands have. */
import type { Flags } from "./command.ts";

/** Whom to ask. Every command that asks the server has them. */
export const connectionFlags = {
  server: {
    takes: "value",
    short: "s",
    value: "URL",
    summary:
      "the server: unix:/path or https://host:7440; several, with commas, stand in for each other",
  },
  context: {
    takes: "value",
    value: "NAME",
    summary: "the context to use, instead of the current one",
    complete: "context",
  },
  token: { takes: "value", value: "TOKEN", summary: "the bearer token that says who you are" },
  ca: {
    takes: "value",
    value: "FILE",
    summary: "what the server's certificate is checked by, in PEM (the context's)",
    complete: "file",
  },
  "request-timeout": {
    takes: "value",
    value: "TIME",
    summary: "how long one request may take: 10s, 1m (30s)",
  },
} as const satisfies Flags;

export const namespaceFlag = {
  namespace: {
    takes: "value",
    short: "n",
    value: "NAME",
    summary: "the namespace (the context's, or default)",
    complete: "namespace",
  },
} as const satisfies Flags;

export const allNamespacesFlag = {
  "all-namespaces": { takes: "nothing", short: "A", summary: "in all namespaces" },
} as const satisfies Flags;

export const selectorFlags = {
  selector: {
    takes: "value",
    short: "l",
    value: "LABELS",
    summary: "those with these labels: tier=front,env!=test,team",
  },
  "field-selector": {
    takes: "value",
    value: "FIELDS",
    summary: "those with these fields: spec.network=blue",
  },
} as const satisfies Flags;

/** All that change objects take objects from files. */
export const filesFlags = {
  filename: {
    takes: "value",
    short: "f",
    value: "FILE",
    summary: "a file or folder of YAML or JSON, or - for standard input; may be repeated",
    complete: "file",
  },
  recursive: { takes: "nothing", short: "R", summary: "also in the folders of a folder" },
} as const satisfies Flags;

export const outputFormats = ["wide", "json", "yaml", "name", "jsonpath="] as const;

export const outputFlag = {
  output: {
    takes: "value",
    short: "o",
    value: "FORMAT",
    summary: "wide, json, yaml, name, or jsonpath='{.items[*].metadata.name}'",
    complete: outputFormats,
  },
} as const satisfies Flags;

export const dryRunFlag = {
  "dry-run": {
    takes: "optional",
    value: "server",
    summary: "let the server check everything and change nothing",
    complete: ["server", "none"],
  },
} as const satisfies Flags;

export const waitFlags = {
  timeout: {
    takes: "value",
    value: "TIME",
    summary: "how long to wait at most: 30s, 5m; 0 looks once",
  },
} as const satisfies Flags;

export const helpFlag = {
  help: { takes: "nothing", short: "h", summary: "show this" },
} as const satisfies Flags;
