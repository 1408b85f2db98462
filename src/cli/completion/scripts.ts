/** What makes shells complete: each asks the executable itself. */
import type { Call } from "../command.ts";
import { UsageError } from "../options.ts";
import { nearest } from "../suggest.ts";

/** Words with `=` and `:` are one word to us, several to bash: it is given the rest alone. */
const bash = `# bash completion of netloom
_netloom() {
  local words cword cur prefix IFS=$'\\n'
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: words cword cur
  else
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]}
  fi
  local found=($(netloom __complete -- "\${words[@]:1:cword}" 2>/dev/null))
  if [ "\${found[0]}" = ":files" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "\${cur#*=}"))
    return
  fi
  COMPREPLY=("\${found[@]}")
  case $cur in
    *[=:]*)
      prefix=\${cur%"\${cur##*[=:]}"}
      COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
      ;;
  esac
  case \${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _netloom netloom
`;

const zsh = `#compdef netloom
# zsh completion of netloom
_netloom() {
  local -a found
  found=("\${(@f)$(netloom __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found[1] == ":files" ]]; then
    _files
  else
    compadd -a -- found
  fi
}
if [ "$funcstack[1]" = "_netloom" ]; then
  _netloom "$@"
else
  compdef _netloom netloom
fi
`;

const fish = `# fish completion of netloom
function __netloom_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (netloom __complete -- $words[2..-1] 2>/dev/null)
  if test "$found[1]" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c netloom -f -a '(__netloom_complete)'
`;

export const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

export async function printScript({ line, surroundings }: Call): Promise<number> {
  const [shell = "", ...others] = line.operands;
  const names = Object.keys(scripts);
  if (others.length > 0 || !Object.hasOwn(scripts, shell)) {
    const meant = nearest(shell, names);
    const remedy =
      meant === undefined ? "netloom completion bash|zsh|fish" : `do you mean "${meant}"?`;
    throw new UsageError(
      shell === ""
        ? `Say which shell: ${remedy}`
        : `"${shell}" is no shell that Netloom knows: ${remedy}`,
    );
  }
  surroundings.terminal.out(scripts[shell]!);
  return 0;
}
