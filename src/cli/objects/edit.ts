/** Opens an object in an editor and sends what a person changed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiError } from "../../api/status-error.ts";
import type { Call } from "../command.ts";
import type { editFlags } from "../commands/apply.ts";
import { type Api, apiOf, fieldManager, type Named } from "../connection/api.ts";
import { UsageError } from "../options.ts";
import { complete, nameOf, withoutManagedFields } from "../output/format.ts";
import { readYaml } from "../output/read-yaml.ts";
import { yaml } from "../output/yaml.ts";
import type { Surroundings } from "../surroundings.ts";
import { mergePatchOf } from "./merge-patch-of.ts";
import { patched, type Sending, sendingOf, tell } from "./send.ts";
import { targetsOf } from "./targets.ts";

/** Not that of apply, which would call what a person changed by hand its own. */
const manager = `${fieldManager}-edit`;

const intro = `# Change what you like, then save and leave the editor. Lines that begin with "#" do not count.
# Leave the file as it is, or empty, to change nothing.
#
`;

export async function edit(call: Call<typeof editFlags>): Promise<number> {
  const { line, surroundings } = call;
  const [target, ...others] = targetsOf(line.operands);
  if (target?.name === undefined || others.length > 0) {
    throw new UsageError("Name one object: netloom edit KIND NAME");
  }
  const api = apiOf(call);
  const namespace = target.kind.namespaced ? api.namespace : undefined;
  const place = { kind: target.kind, namespace, name: target.name };
  const folder = mkdtempSync(join(tmpdir(), "netloom-edit-"));
  const file = join(folder, `${target.kind.singular}-${target.name}.yaml`);
  try {
    return await editIn({ file, api, place, sending: sendingOf(line, manager), surroundings });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Editing {
  readonly file: string;
  readonly api: Api;
  readonly place: Named;
  readonly sending: Sending;
  readonly surroundings: Surroundings;
}

/** What is refused comes back with the reason, until it is accepted or left as it was. */
async function editIn({ file, api, place, sending, surroundings }: Editing): Promise<number> {
  const { terminal } = surroundings;
  const live = await api.client.of(place.kind).get(place);
  const before = withoutManagedFields(complete(place.kind, live));
  let text = yaml(before);
  let why = "";
  for (;;) {
    const shown = intro + commented(why) + text;
    writeFileSync(file, shown, { mode: 0o600 });
    await openEditor(file, surroundings.env);
    const saved = readFileSync(file, "utf8");
    const content = saved.replace(/^#.*\n?/gm, "");
    if (content.trim() === "" || content === text) {
      if (why !== "") throw new Error(`Nothing was changed: ${why}`);
      terminal.note("Nothing was changed");
      return 0;
    }
    text = content;
    try {
      // With the lines that do not count, so that a fault is told by its line in the file.
      const after = readYaml(saved.replace(/^#.*/gm, ""));
      const patch = mergePatchOf(before, after) as Record<string, unknown> | undefined;
      if (patch === undefined) {
        terminal.note("Nothing was changed");
        return 0;
      }
      await send(api, place, patch, sending);
      tell(terminal, nameOf(place.kind, place.name), "edited", sending);
      return 0;
    } catch (error) {
      const mendable = error instanceof SyntaxError || isRefusal(error);
      if (!mendable) throw error;
      why = (error as Error).message;
    }
  }
}

/** A patch holds what the person changed alone, so another's changes meanwhile stay. */
function send(api: Api, place: Named, patch: Record<string, unknown>, sending: Sending) {
  const { status: _, ...rest } = patch;
  return patched(api, place, rest, sending);
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && ["Invalid", "BadRequest", "Conflict"].includes(error.reason);
}

const commented = (text: string) => (text === "" ? "" : `${text.replace(/^/gm, "# ")}\n#\n`);

async function openEditor(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const editor = env.NETLOOM_EDITOR || env.VISUAL || env.EDITOR || "vi";
  // An editor may be given with options; the file's name is a word of its own.
  const argv = ["/bin/sh", "-c", `${editor} "$1"`, "netloom", file];
  const child = Bun.spawn(argv, { stdio: ["inherit", "inherit", "inherit"] });
  const status = await child.exited;
  if (status !== 0)
    throw new Error(`The editor "${editor}" ended with status ${status}: nothing was sent`);
}
