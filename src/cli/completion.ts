/**
 * The command `mec completion SHELL`: prints a script that completes commands and options. It is
 * made from the commands themselves.
 */

/** A command that can be completed. */
export interface Completable {
  readonly name: string;
  readonly about: string;
  /** Options with their dashes. */
  readonly options: readonly string[];
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bash(commands: readonly Completable[]): string {
  const cases = commands.map(
    ({ name, options }) => `    ${name}) words=${quoted(options.join(' '))} ;;`,
  );
  return `# mec completion for bash: eval "$(mec completion bash)"
_mec() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words=${quoted(commands.map(({ name }) => name).join(' '))}; fi
  case "$word" in
    @*) compopt -o filenames; COMPREPLY=($(compgen -P @ -f -- "\${word#@}")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}
complete -o default -F _mec mec
`;
}

function zsh(commands: readonly Completable[]): string {
  const names = commands.map(
    ({ name, about }) => `    ${quoted(`${name}:${about.replaceAll(':', '\\:')}`)}`,
  );
  const cases = commands.map(
    ({ name, options }) => `    ${name}) compadd -- ${options.join(' ')} ;;`,
  );
  return `#compdef mec
# mec completion for zsh: eval "$(mec completion zsh)"
_mec() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
  _files
}
compdef _mec mec
`;
}

function fish(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ name, about, options }) => [
    `complete -c mec -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`,
    ...options.map(
      (option) =>
        `complete -c mec -n '__fish_seen_subcommand_from ${name}' -l ${option.replace(/^-+/, '')}`,
    ),
  ]);
  return `# mec completion for fish: mec completion fish | source\n${lines.join('\n')}\n`;
}

const SCRIPTS: Readonly<Record<string, (commands: readonly Completable[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** The shells that have a script. */
export const SHELLS: readonly string[] = Object.keys(SCRIPTS);

/** The script for a shell; undefined if the shell is unknown. */
export function completionScript(
  shell: string,
  commands: readonly Completable[],
): string | undefined {
  return Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell]?.(commands) : undefined;
}
