import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { parseAllDocuments } from 'yaml';
import { repository } from '@rookery/devkit/stack/repository';

/** Something that Prometheus is asked, and where that stands. */
export interface Query {
  readonly file: string;
  readonly query: string;
}

/**
 * Requests that do not come from clients: probes, scrapes, documents, the way to them, and addresses that lead nowhere. A promise to clients counts
 * none of it: a probe every few seconds hides that each of fifteen orders an hour fails.
 */
export const NOT_OF_CLIENTS =
  'route!~"/(v1)?|/livez|/readyz|/health|/metrics|/docs.*|/(openapi|asyncapi)[.]json|[*]|[(]unknown[)]"';

/** Everything that Prometheus is asked: rules, analyses, scalers and dashboards. */
export function allQueries(): readonly Query[] {
  const files = ['k8s', 'docker'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(yaml|json)$/.test(name) && !name.includes('/tests/'))
      .map((name) => join(folder, name)),
  );
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(repository, file), 'utf8')).flatMap((document) => {
      const content: unknown = document.toJS();
      return queriesIn(content).map((query) => ({ file, query }));
    }),
  );
}

function queriesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(queriesIn);
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, member]): readonly string[] =>
    (key === 'expr' || key === 'query') && typeof member === 'string' ? [member] : queriesIn(member),
  );
}

/** The selectors of a query whose metric's name begins so: `http_server_responses_total{class="5xx"}`. */
export function selectorsOf(query: string, prefix: string): readonly string[] {
  const found: string[] = [];
  parser.parse(query).iterate({
    enter: ({ name, from, to }) => {
      const text = query.slice(from, to);
      if (name === 'VectorSelector' && text.startsWith(prefix)) {
        found.push(text);
      }
    },
  });
  return found;
}

/** Selectors of HTTP requests that are neither about one route nor leave out requests that do not come from clients. */
export function countingMoreThanClients(queries: readonly Query[]): readonly string[] {
  return queries.flatMap(({ file, query }) =>
    selectorsOf(query, 'http_server_')
      .filter((selector) => !selector.includes(NOT_OF_CLIENTS) && !/[{,]route="/.test(selector))
      .map((selector) => `${file}: ${selector}`),
  );
}
