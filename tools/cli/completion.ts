import type { Command } from 'commander';
import { pathOf } from './program';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A place where words can be completed. */
interface Place {
  /** The words before; none at the start. */
  readonly path: string;
  readonly commands: readonly Command[];
  /** Long names of the options. */
  readonly options: readonly string[];
}

/** The script that completes the program's commands and options in a shell. */
export function completionOf(program: Command, shell: Shell): string {
  const places = placesOf(program);
  switch (shell) {
    case 'bash':
      return bash(places);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(places)}`;
    case 'fish':
      return fish(places);
  }
}

function placesOf(command: Command): readonly Place[] {
  const place = {
    path: command.parent === null ? '' : pathOf(command),
    commands: command.commands,
    options: [...command.options.flatMap(({ long }) => (long === undefined ? [] : [long])), '--help'],
  };
  return [place, ...command.commands.flatMap(placesOf)];
}

/** Words that are not a command are arguments: the longest path that the words start with decides. */
function bash(places: readonly Place[]): string {
  const cases = places
    .toSorted((one, other) => other.path.length - one.path.length)
    .map(({ path, commands, options }) => {
      const words = [...commands.map((command) => command.name()), ...options].join(' ');
      return path === '' ? `    *) words="${words}" ;;` : `    "${path}"|"${path} "*) words="${words}" ;;`;
    });
  return `_rookery() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || path="\${path:+$path }$word"
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _rookery rookery
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const names = commands.map((command) => command.name());
    const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
    const here = path === '' ? '__fish_use_subcommand' : seen.join('; and ');
    const before = names.length === 0 ? here : `${here}; and not __fish_seen_subcommand_from ${names.join(' ')}`;
    return [
      ...commands.map((command) => {
        const description = command.description().replaceAll("'", "\\'");
        return `complete -c rookery -f -n '${path === '' ? here : before}' -a ${command.name()} -d '${description}'`;
      }),
      ...options.map((option) => `complete -c rookery -n '${path === '' ? here : before}' -l ${option.slice(2)}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}
