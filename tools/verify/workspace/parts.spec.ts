import { repository } from '@rookery/devkit/stack/repository';
import { eject } from '@rookery/release/eject/eject';
import { danglingImports, faultsOfPart } from '@rookery/release/eject/faults';
import { isEjected } from '@rookery/release/eject/part';
import { parts } from '@rookery/release/eject/parts';
import { faultsOfRegions, partsMarkedIn } from '@rookery/release/eject/regions';
import { readWorkspace } from '@rookery/release/eject/workspace';
import { deadLinksOf } from '../repository/ledgers/links';

const files = readWorkspace(repository);
const left = parts.filter((part) => !isEjected(part, files));
const names = parts.map(({ name }) => name);
/** Specs of the marks themselves have marks of nothing. */
const marked = [...files].filter(([path]) => !/^tools\/(?:release\/eject|verify\/workspace)\//.test(path));

describe('the parts that can be ejected', () => {
  it('are marked in files by names that there are, and every mark ends', () => {
    expect(marked.flatMap(([path, text]) => faultsOfRegions(text, names).map((fault) => `${path}: ${fault}`))).toEqual(
      [],
    );
  });

  it('name only what is there', () => {
    expect(left.flatMap((part) => faultsOfPart(part, files))).toEqual([]);
  });
});

describe('a workspace', () => {
  const cases = [...left.map((part) => ({ name: part.name, chosen: [part] })), { name: 'all of them', chosen: left }];

  it.each(cases)('without $name imports nothing that is gone, and links to nothing that is gone', ({ chosen }) => {
    const { files: after } = eject(files, chosen, parts);
    expect(danglingImports(after)).toEqual([]);
    const folders = new Set(
      [...after.keys()].flatMap((path) =>
        path.split('/').map((_, depth, names) => names.slice(0, depth + 1).join('/')),
      ),
    );
    const texts = [...after]
      .filter(
        ([path]) =>
          /\.(md|ts|mts|mjs|ya?ml|tf)$/.test(path) &&
          !/^docs\/(?:practices|security)\/|^docs\/practices\.md$/.test(path),
      )
      .map(([path, text]) => ({ path, text }));
    // The generated pages are not made here: links to them are as good as before.
    expect(deadLinksOf(texts, (path) => folders.has(path.replace(/\/$/, '')))).toEqual([]);
    const gone = chosen.map(({ name }) => name);
    const stillMarked = [...after]
      .filter(([path]) => marked.some(([other]) => other === path))
      .flatMap(([path, text]) =>
        partsMarkedIn(text)
          .filter((name) => gone.includes(name))
          .map((name) => `${path}: ${name}`),
      );
    expect(stillMarked.filter((line) => !isShared(line))).toEqual([]);
  });
});

/** A line of several parts stays, with its mark, as long as one of them does. */
const isShared = (line: string): boolean => {
  const [path = '', name = ''] = line.split(': ');
  return new RegExp(`part:(?:${name}\\+|[\\w+-]+\\+${name}\\b)`).test(files.get(path) ?? '');
};
