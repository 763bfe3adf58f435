import { call, type Params } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import type { Names } from './complete.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Who presses a key does not wait longer for a switch. */
const PATIENCE_MS = 500;

/**
 * Each script hands the words as far as the cursor to `tapyard complete`, and gets a line each: what could stand there, a tab, what
 * it is; and `:files` where a file could. So all three say the same, and what this version has.
 */
const SCRIPTS: Record<Shell, string> = {
  bash: `# bash completion of tapyard
_tapyard() {
  local line files=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) files=1 ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [ -z "$files" ] || compopt -o default 2>/dev/null
}
complete -F _tapyard tapyard
`,
  zsh: `#compdef tapyard
_tapyard() {
  local line files=
  local -a found
  for line in "\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) files=1 ;;
      *) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( $#found )) && _describe -V tapyard found
  [[ -z $files ]] || _files
}
if [[ $funcstack[1] == _tapyard ]]; then _tapyard "$@"; else compdef _tapyard tapyard; fi
`,
  fish: `# fish completion of tapyard
function __tapyard_complete
  set -l words (commandline -opc)
  for line in ($words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if test "$line" = ':files'
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c tapyard -f -a '(__tapyard_complete)'
`,
};

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/** Asks the switch that runs, if one does. @param usual the control socket if the words name none */
export function namesBySocket(usual: string): Names {
  const ask = async (socket: string | null, method: string, params: Params): Promise<unknown> => {
    try {
      return await call(socket ?? usual, method, params, PATIENCE_MS);
    } catch {
      return null;
    }
  };
  return {
    tenants: async (socket) => {
      const status = (await ask(socket, 'status', {})) as { readonly tenants: readonly string[] } | null;
      return status?.tenants ?? [];
    },
    ports: async (socket, tenant) => {
      const params = { what: 'ports', ...(tenant === null ? {} : { tenant }) };
      const rows = (await ask(socket, 'show', params)) as readonly Row[] | null;
      return [...new Set((rows ?? []).map(({ port }) => String(port)))];
    },
  };
}
