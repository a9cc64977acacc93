/**
 * Scripts for shells, made of what the commands say of themselves: a new
 * command or option is completed without a line here.
 */
import type { Argument, Command, Option } from "commander";

/** Shells that there are scripts for, and kubectl, which asks a program. */
export const SHELLS = ["bash", "zsh", "fish", "kubectl"] as const;

/** What completes the value of an option or argument. */
type Values =
  | { readonly kind: "none" | "any" | "file" | "folder" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** The script for one shell. */
export function toScript(
  shell: typeof SHELLS[number],
  program: Command,
): string {
  const makers = {
    bash: toBash,
    zsh: toZsh,
    fish: toFish,
    kubectl: toKubectl,
  };
  // Also where kubectl runs it: a shell knows a program by one word.
  return makers[shell]("thresher", commandsOf(program));
}

interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  /** Of the one argument that is not an option, where there is one. */
  readonly argument: Values;
}

interface DescribedOption {
  /** As typed: `-o` and `--output`. */
  readonly flags: readonly string[];
  readonly text: string;
  readonly value: Values;
}

function commandsOf(program: Command): DescribedCommand[] {
  return program.createHelp().visibleCommands(program).map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
    options: program.createHelp().visibleOptions(command).map(describe),
    argument: valuesOfArgument(command.registeredArguments[0], program),
  }));
}

function describe(option: Option): DescribedOption {
  const flags = [option.short, option.long].filter((flag) =>
    flag !== undefined
  );
  return { flags, text: option.description, value: valuesOf(option) };
}

/** Options say what they take: by choices, or by what they call their value. */
function valuesOf({ flags, argChoices }: Option): Values {
  if (argChoices) return { kind: "words", words: argChoices };
  const [, name] = /<(\w+)/.exec(flags) ?? [];
  if (name === undefined) return { kind: "none" };
  if (name === "folder") return { kind: "folder" };
  return { kind: name === "file" || name === "path" ? "file" : "any" };
}

function valuesOfArgument(
  argument: Argument | undefined,
  program: Command,
): Values {
  if (!argument) return { kind: "none" };
  if (argument.argChoices) {
    return { kind: "words", words: argument.argChoices };
  }
  if (argument.name() === "command") {
    return { kind: "words", words: program.commands.map((c) => c.name()) };
  }
  return { kind: "any" };
}

function toBash(name: string, commands: readonly DescribedCommand[]): string {
  return `# Completion of ${name} for bash.
${bashFunction(name, commands)}
complete -o default -F _${name} ${name}
`;
}

/**
 * A program for kubectl, which runs `kubectl_complete-NAME` with the words so
 * far and reads what may come, and at the end whether files may, too.
 */
function toKubectl(
  name: string,
  commands: readonly DescribedCommand[],
): string {
  return `#!/usr/bin/env bash
# Completion of kubectl ${name}: to be kept as kubectl_complete-${name} in PATH.
${bashFunction(name, commands)}
compopt() { :; }
COMP_WORDS=(${name} "$@")
COMP_CWORD=$#
_${name}
if ((\${#COMPREPLY[@]})); then printf '%s\\n' "\${COMPREPLY[@]}" :4; else echo :0; fi
`;
}

/** A function that completes as bash wants it. */
function bashFunction(
  name: string,
  commands: readonly DescribedCommand[],
): string {
  const cases = commands.map((command) => {
    const takers = command.options.filter(({ value }) => value.kind !== "none");
    const values = takers.map(({ flags, value }) =>
      `        ${flags.join("|")}) ${bashReply(value)} ;;\n`
    ).join("");
    const flags = command.options.flatMap((option) => option.flags).join(" ");
    return `    ${command.name})
      case "$previous" in
${values}        *) if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "${flags}" -- "$word"));
           else ${bashReply(command.argument)}; fi ;;
      esac ;;
`;
  }).join("");
  const names = commands.map((command) => command.name).join(" ");
  return `_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${names} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}  esac
}`;
}

/** The bash command that offers values. */
function bashReply(values: Values): string {
  switch (values.kind) {
    case "words":
      return `COMPREPLY=($(compgen -W "${values.words.join(" ")}" -- "$word"))`;
    case "file":
      return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word"))';
    case "folder":
      return 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$word"))';
    default:
      return ":";
  }
}

function toZsh(name: string, commands: readonly DescribedCommand[]): string {
  const list = commands.map((command) =>
    `    ${
      quote(`${command.name}:${command.summary.replaceAll(":", "\\:")}`)
    }\n`
  ).join("");
  const cases = commands.map((command) => {
    const specs = command.options.map((option) =>
      `        ${zshOption(option)} \\\n`
    ).join("");
    return `      ${command.name})
        _arguments -s \\
${specs}        ${quote(`*:${command.name}:${zshAction(command.argument)}`)} ;;
`;
  }).join("");
  return `#compdef ${name}
# Completion of ${name} for zsh.
_${name}() {
  local -a commands=(
${list}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases}  esac
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function zshOption({ flags, text, value }: DescribedOption): string {
  const shown = text.replace(/[[\]:]/g, "\\$&");
  const action = value.kind === "none" ? "" : `:value:${zshAction(value)}`;
  const rest = quote(`[${shown}]${action}`);
  return flags.length === 1
    ? `${flags[0]}${rest}`
    : `{${flags.join(",")}}${rest}`;
}

function zshAction(values: Values): string {
  switch (values.kind) {
    case "words":
      return `(${values.words.join(" ")})`;
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    default:
      return " ";
  }
}

function toFish(name: string, commands: readonly DescribedCommand[]): string {
  const lines = [`# Completion of ${name} for fish.`, `complete -c ${name} -f`];
  for (const { name: command, summary, options, argument } of commands) {
    lines.push(
      `complete -c ${name} -n __fish_use_subcommand -a ${command} -d ${
        fishQuote(summary)
      }`,
    );
    const within =
      `complete -c ${name} -n '__fish_seen_subcommand_from ${command}'`;
    if (argument.kind === "words") {
      lines.push(`${within} -a ${fishQuote(argument.words.join(" "))}`);
    }
    for (const { flags, text, value } of options) {
      const names = flags.map((flag) =>
        flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
      ).join(" ");
      lines.push(
        `${within} ${names}${fishValue(value)} -d ${fishQuote(text)}`,
      );
    }
  }
  return lines.join("\n") + "\n";
}

function fishValue(values: Values): string {
  switch (values.kind) {
    case "words":
      return ` -x -a ${fishQuote(values.words.join(" "))}`;
    case "file":
      return " -r -F";
    case "folder":
      return " -x -a '(__fish_complete_directories)'";
    case "any":
      return " -x";
    default:
      return "";
  }
}

/** One word for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** One word for fish, which knows escapes inside quotes. */
function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
