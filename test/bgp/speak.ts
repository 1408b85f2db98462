/**
 * A program: speaks BGP with the directory that is its argument. Reads inputs from standard input
 * as JSON, one a line, and prints each status as JSON, one a line.
 */
import { BgpSpeaker } from "../../src/bgp/speaker.ts";
import { jsonLog } from "../../src/lib/log.ts";

const speaker = new BgpSpeaker({
  dir: process.argv[2]!,
  program: process.argv[3] ?? "gobgpd",
  log: jsonLog({ write: (line) => process.stderr.write(line) }),
  onStatus: (status) => console.log(JSON.stringify(status)),
});

for await (const line of console) {
  if (line === "leave") {
    await speaker.leave();
    process.exit(0);
  }
  speaker.configure(JSON.parse(line));
}
await speaker.stop();
process.exit(0);
