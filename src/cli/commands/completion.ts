/** `netloom completion`: prints what makes a shell complete words. */
import { defineCommand } from "../command.ts";

export const completion = defineCommand({
  name: "completion",
  summary: "Prints a script that makes your shell complete commands, options and names.",
  usage: ["bash|zsh|fish"],
  description: "Names of objects are asked of the server, for a second at most.",
  flags: {},
  operands: [["bash", "zsh", "fish"]],
  examples: [
    { does: "in this bash, now", line: "$ source <(netloom completion bash)" },
    {
      does: "in every bash from now on",
      line: "$ netloom completion bash >/etc/bash_completion.d/netloom",
    },
    {
      does: "in zsh, where ~/.zfunc is in $fpath",
      line: "$ netloom completion zsh >~/.zfunc/_netloom",
    },
    {
      does: "in fish",
      line: "$ netloom completion fish >~/.config/fish/completions/netloom.fish",
    },
  ],
  run: async (call) => (await import("../completion/scripts.ts")).printScript(call),
});
