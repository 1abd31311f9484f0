import { Command, type Help } from 'commander';
import { type CommandEntry, commands, FAMILIES } from './registry';

const HELP_WIDTH = 120;

const EXIT_CODES = `
Exit codes: 0 done, 1 it failed or found a difference, 2 wrong usage, 130 interrupted.
Settings come from the environment or a file .env in the root folder; .env.example lists them.`;

/** Where help and usage errors are printed; `process` is one. */
export interface Output {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** The entry that the arguments call, if any. */
export function calledBy(args: readonly string[]): CommandEntry | undefined {
  return commands.find(({ name }) => name.split(' ').every((word, index) => args[index] === word));
}

/**
 * The program. Only the commands in `loaded` have their arguments and options; all others are there with their name and summary.
 * Throws commander's CommanderError instead of ending the process.
 */
export async function buildProgram(loaded: readonly CommandEntry[], { stdout, stderr }: Output): Promise<Command> {
  const program = new Command('rookery')
    .description('The one program of this repository: it runs Rookery, operates it, proves it and releases it.')
    .usage('<command> [options]')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXIT_CODES)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(oneLine(text)),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
    .configureHelp({
      visibleCommands: (command) => (command.parent === null ? leavesOf(command) : [...command.commands]),
      subcommandTerm: (command) => pathOf(command),
      subcommandDescription: (command) => command.description(),
      commandUsage,
    });
  for (const entry of commands) {
    const [first = '', second] = entry.name.split(' ');
    const parent = second === undefined ? program : familyOf(program, first);
    const name = second ?? first;
    if (loaded.includes(entry)) {
      (await entry.load())(parent);
    } else {
      parent.command(name).allowUnknownOption().helpOption('-h, --help', 'print this help');
    }
    named(parent, name)?.description(entry.summary).helpGroup(`${entry.group}:`);
  }
  return program;
}

const named = (parent: Command, name: string): Command | undefined =>
  parent.commands.find((command) => command.name() === name);

const familyOf = (program: Command, name: string): Command =>
  named(program, name) ?? program.command(name).description(FAMILIES[name] ?? '');

/** The commands that do something, and not the families around them. */
function leavesOf(program: Command): Command[] {
  return program.commands.flatMap((command) => (command.name() in FAMILIES ? [...command.commands] : [command]));
}

/** The words that call a command, without the program's name. */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

function commandUsage(this: Help, command: Command): string {
  return `${command.parent === null ? '' : 'rookery '}${pathOf(command)} ${command.usage()}`.trimEnd();
}

/** The suggested word may be the second one of a command. */
const fullName = (word: string): string => commands.find(({ name }) => name.split(' ').at(-1) === word)?.name ?? word;

/** A usage error in one line, with what to do. */
function oneLine(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/Did you mean (\w[\w-]*)\?/, (_, word: string) => `Did you mean ${fullName(word)}?`);
  return `${message}${/[.?)]$/.test(message) ? '' : '.'} \`rookery --help\` lists the commands, \`rookery <command> --help\` its options.\n`;
}
