import { DefaultNamingStrategy } from 'typeorm';

const snake = (name: string): string => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase();

/** Names tables and columns in snake_case of class and property. Columns of an embedded object get its name as a prefix. */
export class SnakeCaseNaming extends DefaultNamingStrategy {
  override tableName(className: string, given: string | undefined): string {
    return given ?? snake(className);
  }

  override columnName(property: string, given: string | undefined, embeddedPrefixes: string[]): string {
    return [...embeddedPrefixes.map(snake), given ?? snake(property)].join('_');
  }

  override joinColumnName(relation: string, referencedColumn: string): string {
    return snake(`${relation}_${referencedColumn}`);
  }
}
