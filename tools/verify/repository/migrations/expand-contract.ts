/** A kind of statement that the running release, or its load, may not stand. */
interface Rule {
  readonly what: string;
  readonly pattern: RegExp;
}

/** What takes something away that the previous release may still use. */
const contracting: readonly Rule[] = [
  {
    what: 'drops something',
    pattern: /\bDROP (?:TABLE|COLUMN|SCHEMA|TYPE|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION)\b/,
  },
  { what: 'renames something', pattern: /\bRENAME (?:TO|COLUMN|CONSTRAINT|VALUE|[A-Z_]+ TO)\b/ },
  { what: 'changes the type of a column', pattern: /\bALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b/ },
  { what: 'makes a column required', pattern: /\bSET NOT NULL\b/ },
  { what: 'takes a default away', pattern: /\bDROP DEFAULT\b/ },
  {
    what: 'adds a required column without a default',
    pattern:
      /\bADD (?:COLUMN )?(?!CONSTRAINT)(?:IF NOT EXISTS )?\w+ (?=[^,;`]*\bNOT NULL\b)(?![^,;`]*\b(?:DEFAULT|GENERATED)\b)/,
  },
  { what: 'empties a table', pattern: /\bTRUNCATE\b/ },
];

/** A marked comment that names the release which stopped using what goes, for example `// contract: orders.note, unused since v1.4`. */
const CONTRACT = /\/\/ contract: \S.*, unused since \S+/;

/** Everything that is wrong with a migration's source; empty when nothing is. */
export function faultsOfMigration(source: string): readonly string[] {
  const up = sqlOf(source);
  const made = new Set([...up.matchAll(/\bCREATE TABLE (?:IF NOT EXISTS )?([\w.]+)/g)].map(([, table = '']) => table));
  const contracts = CONTRACT.test(source)
    ? []
    : contracting
        .filter(({ pattern }) => pattern.test(up))
        .map(
          ({ what }) =>
            `${what}, and no comment "// contract: …, unused since …" says that the previous release does not use it`,
        );
  return [...contracts, ...locks(up, made)];
}

/** What holds up the requests of a table that has rows already, for as long as it takes. */
function locks(up: string, made: ReadonlySet<string>): readonly string[] {
  const indexes = [...up.matchAll(/\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^(;`]*? ON (?:ONLY )?([\w.]+)/g)];
  const constraints = [
    ...up.matchAll(/\bALTER TABLE (?:ONLY )?([\w.]+) ADD CONSTRAINT (?![^;`]*\bNOT VALID\b)[^;`]*/g),
  ];
  const onOld = (matches: readonly RegExpMatchArray[]): readonly string[] =>
    matches.map(([, table = '']) => table).filter((table) => !made.has(table));
  return [
    ...onOld(indexes).map((table) => `makes an index on ${table}, which is there already, without CONCURRENTLY`),
    ...onOld(constraints).map((table) => `adds a constraint to ${table}, which is there already, without NOT VALID`),
  ];
}

/** The method `up`, on one line and without comments. */
function sqlOf(source: string): string {
  const [, up = ''] = /\basync up\([\s\S]*?\{([\s\S]*?)(?:\n {2}(?:async|public|private) |$)/.exec(source) ?? [];
  return up.replace(/^\s*(?:\/\/|--).*$/gm, ' ').replace(/\s+/g, ' ');
}
