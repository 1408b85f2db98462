/** What `netloom doctor` does and prints. */
import { writeSync } from "node:fs";
import { examine, statusOf } from "./doctor.ts";
import { type Finding, fault, type Section } from "./finding.ts";
import { type Host, openHost } from "./host.ts";
import { probeParent } from "./parent-probe.ts";
import { reportJson, reportText } from "./report.ts";

export interface DoctorCommand {
  readonly json: boolean;
  /** Links whose network is asked whether it takes frames of other hardware addresses. */
  readonly probe: readonly string[];
  /** Folders of plugins; empty for the field's. */
  readonly pluginDirs: readonly string[];
  /** Folder of configurations; absent for the field's. */
  readonly confDir?: string;
}

async function probed(host: Host, name: string): Promise<Finding> {
  try {
    return await probeParent(host, name);
  } catch (error) {
    return fault(`Cannot probe "${name}": ${(error as Error).message}`);
  }
}

/** Gives the exit status: 0 fine, 1 with a warning, 2 with a fault. */
export async function runDoctorCommand(command: DoctorCommand): Promise<number> {
  if (process.getuid?.() !== 0) {
    writeSync(2, "netloom: The doctor needs root to look at the host: sudo netloom doctor\n");
    return 2;
  }
  const { pluginDirs, confDir } = command;
  using host = openHost({
    ...(pluginDirs.length > 0 && { pluginDirs }),
    ...(confDir !== undefined && { confDir }),
  });
  const sections: Section[] = await examine(host);
  for (const name of command.probe) {
    sections.push({ area: `network behind ${name}`, findings: [await probed(host, name)] });
  }
  writeSync(1, command.json ? reportJson(sections) : reportText(sections));
  return statusOf(sections);
}
