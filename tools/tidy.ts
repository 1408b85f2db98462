/** Checks what a formatter can't see: length, opening sentences, names, leftovers of work. */
import { posix } from "node:path";
import {
  type Fault,
  lineAt,
  report,
  type SourceFile,
  sourceFiles,
  withoutComments,
} from "./source-files.ts";

const maxLines = 400;
const maxColumns = 100;
const maxFunctionLines = 60;

/** Pure tables may be longer than other files: these are. */
const longTables: readonly string[] = [];

const bannedWords = new Set(
  "util utils helper helpers common misc manager impl iface ifaces nic nics".split(" "),
);

/** Names that a protocol gives to its own fields. */
const protocolNames = new Set(["manager", "fieldManager"]);

/** Written in pieces, so that this file may hold them. */
const pieces = (...parts: string[]) => parts.join("");
const leftovers: [pattern: RegExp, message: string][] = [
  [
    new RegExp(pieces("\\b(TO", "DO|FIX", "ME|XX", "X|HA", "CK)\\b"), "g"),
    "finish it, or say it in an issue",
  ],
  [
    new RegExp(pieces("(?<![\\w.$}*-])/wo", "rk/"), "g"),
    "a path of one machine does not belong here",
  ],
  [
    /\bregistry\.[a-z0-9-]+\.(?:com|org|io|dev|net)\b|"resolved"\s*:/g,
    "no registry's host belongs here",
  ],
];
const unconditional = /\b(?:test|it|describe)(?:\.\w+)*\.(only|skip|todo)\b/g;

/** Everything untidy in these files. */
export function tidyFaults(files: readonly SourceFile[]): Fault[] {
  return files.flatMap((file) => [
    ...nameFaults(file),
    ...leftoverFaults(file),
    ...(file.path.endsWith(".ts") ? codeFaults(file) : []),
    ...(file.path.endsWith(".md") ? linkFaults(file, files) : []),
  ]);
}

/** A document's links to the project's own files and folders lead somewhere. */
function* linkFaults({ path, text }: SourceFile, files: readonly SourceFile[]): Generator<Fault> {
  for (const match of text.matchAll(/\]\((?!\w+:)([^)#\s]+)[^)]*\)/g)) {
    const target = posix.join(posix.dirname(path), match[1]!);
    const folder = target.endsWith("/") ? target : `${target}/`;
    if (files.some((file) => file.path === target || file.path.startsWith(folder))) continue;
    yield { path, line: lineAt(text, match.index), message: `"${match[1]}" leads nowhere` };
  }
}

function* nameFaults({ path }: SourceFile): Generator<Fault> {
  for (const word of wordsOf(path)) {
    if (bannedWords.has(word))
      yield { path, message: `"${word}" says nothing: name the file for its job` };
  }
}

function* leftoverFaults({ path, text }: SourceFile): Generator<Fault> {
  for (const [pattern, message] of leftovers) {
    for (const match of text.matchAll(pattern)) {
      yield { path, line: lineAt(text, match.index), message: `"${match[0]}": ${message}` };
    }
  }
}

function* codeFaults(file: SourceFile): Generator<Fault> {
  const { path, text } = file;
  const lines = text.split("\n");
  const count = lines.length - 1;
  if (count > maxLines && !longTables.includes(path)) {
    yield { path, message: `${count} lines: split it, ${maxLines} is the most` };
  }
  if (!/^(?:#!.*\n)?\/\*\*\s[^@]*?[.:]\s*(?:\n|\*\/|[A-Z(*])/.test(text)) {
    yield { path, line: 1, message: "open with one sentence in /** */ that says the file's job" };
  }
  for (const [index, line] of lines.entries()) {
    if (line.length > maxColumns && /^\s*(\/\/|\/?\*)/.test(line)) {
      yield { path, line: index + 1, message: `${line.length} columns: ${maxColumns} is the most` };
    }
  }
  yield* codeWordFaults(file);
  if (!path.endsWith(".test.ts")) yield* longFunctions(file);
}

function* codeWordFaults({ path, text }: SourceFile): Generator<Fault> {
  const code = withoutStrings(withoutComments(text));
  for (const match of code.matchAll(/[A-Za-z_$][\w$]*/g)) {
    const word = wordsOf(match[0]).find((part) => bannedWords.has(part));
    if (!word || protocolNames.has(match[0])) continue;
    const message = `"${match[0]}": "${word}" is not used here: GLOSSARY.md has the words`;
    yield { path, line: lineAt(code, match.index), message };
  }
  for (const match of code.matchAll(unconditional)) {
    const message = `"${match[0]}": a test runs, or skipIf says why not and test/allowed-skips.ts too`;
    yield { path, line: lineAt(code, match.index), message };
  }
}

/** Formatted code closes a function with a brace as deep as the line that opened it. */
function* longFunctions({ path, text }: SourceFile): Generator<Fault> {
  const lines = text.split("\n");
  for (const [start, line] of lines.entries()) {
    if (!opensFunction(line)) continue;
    const indent = line.match(/^\s*/)![0];
    const end = lines.findIndex((other, at) => at > start && other.startsWith(`${indent}}`));
    const length = end - start + 1;
    if (length <= maxFunctionLines) continue;
    const message = `a function of ${length} lines: ${maxFunctionLines} is the most`;
    yield { path, line: start + 1, message };
  }
}

function opensFunction(line: string): boolean {
  if (!line.endsWith("{") || /^\s*(if|for|while|switch|catch|\} )/.test(line)) return false;
  return /\bfunction\b|=> \{$|^\s*\): .*\{$|^\s*(?:(?:private|protected|static|async|override|get|set) )*[*#]?#?\w+\(.*\{$/.test(
    line,
  );
}

function withoutStrings(code: string): string {
  return code
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
    .replace(/`(?:[^`\\]|\\.)*`/g, (text) => text.replace(/[^\n]/g, " "));
}

/** The words in a name: camelCase and any separators split it. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3 $2")
    .split(/[^A-Za-z]+/)
    .map((word) => word.toLowerCase());
}

if (import.meta.main) report(tidyFaults(sourceFiles(process.argv[2] ?? ".")));
