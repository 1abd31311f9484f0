import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { commands, GROUPS } from './registry';

const PAGE = 'tools/cli/README.md';
const BEGIN = '<!-- commands: generated from registry.ts -->';
const END = '<!-- end of commands -->';

/** The page about the commands, with its table as the registry has it. */
export function commandPage(): { readonly path: string; readonly text: string } {
  const text = readFileSync(join(repository, PAGE), 'utf8');
  const [before, rest] = [text.slice(0, text.indexOf(BEGIN)), text.slice(text.indexOf(END))];
  return { path: PAGE, text: `${before}${BEGIN}\n\n${table()}\n\n${rest}` };
}

function table(): string {
  const rows = GROUPS.flatMap((group) =>
    commands
      .filter((entry) => entry.group === group)
      .map(({ name, summary }, index) => [index === 0 ? group : '', `\`rookery ${name}\``, summary] as const),
  );
  const header = ['', 'command', 'what it does'] as const;
  const widths = [0, 1, 2].map((column) => Math.max(3, ...[header, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
