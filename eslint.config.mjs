import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import jest from 'eslint-plugin-jest';
import jsdoc from 'eslint-plugin-jsdoc';
import perfectionist from 'eslint-plugin-perfectionist';
import tseslint from 'typescript-eslint';

// Who may import whom (docs/architecture.md). A planted import for each rule is checked in tools/verify/repository/architecture.
const libs = [
  'type:contracts',
  'type:platform',
  'type:resilience',
  'type:security',
  'type:messaging',
  'type:persistence',
];
const dependencies = {
  'type:contracts': [],
  'type:platform': ['type:contracts'],
  'type:resilience': ['type:contracts', 'type:platform'],
  'type:security': ['type:contracts', 'type:platform', 'type:resilience'],
  'type:messaging': ['type:contracts', 'type:platform', 'type:resilience', 'type:security'],
  'type:persistence': ['type:contracts', 'type:platform'],
  'type:testing': libs,
  'type:app': [...libs, 'type:testing'],
  // From outside, as clients do; the broker’s wire format is what an attacker would forge.
  'type:e2e': ['type:contracts', 'type:messaging', 'type:platform', 'type:testing', 'type:devkit'],
  // Shared by every program and by the end-to-end specs: it knows none of them.
  'type:devkit': [...libs, 'type:testing'],
  'type:release': [...libs, 'type:devkit'],
  'type:verify': [...libs, 'type:testing', 'type:devkit', 'type:release'],
  'type:cli': [...libs, 'type:devkit', 'type:release', 'type:verify', 'type:app'],
};

/** What the boundary rule checks; specs may use the test library wherever they stand. */
const boundaries = (alsoAllowed = [], alsoImported = []) => [
  'error',
  {
    allow: alsoImported,
    // A command loads the proof that it runs only when it is called.
    checkDynamicDependenciesExceptions: ['@rookery/verify/**'],
    // Only through the specs of these libs, which Nx does not tell from their sources.
    ignoredCircularDependencies: ['messaging', 'persistence', 'platform', 'resilience', 'security'].map((lib) => [
      'testing',
      lib,
    ]),
    depConstraints: [
      ...Object.entries(dependencies).map(([sourceTag, tags]) => ({
        sourceTag,
        onlyDependOnLibsWithTags: [...tags, ...alsoAllowed],
      })),
      { sourceTag: 'scope:gateway', notDependOnLibsWithTags: ['type:persistence'] },
      // It is a client of the public API, and small.
      { sourceTag: 'scope:operator', onlyDependOnLibsWithTags: ['type:contracts', ...alsoAllowed] },
    ],
  },
];

const noTestingInProduct = {
  patterns: [{ group: ['@rookery/testing', '@jest/*'], message: 'Only specs may import test code.' }],
};

/**
 * Who keeps what is due in a database: there is no clock but the database's, for those of processes differ
 * (docs/decisions/0033-time.md). What auth keeps of sign-ins and of the provider is not among them yet.
 */
const dueByTheDatabase = [
  'apps/{orders,payments,products}/src/**/*.ts',
  'apps/auth/src/{notification,keys,sign-in}/**/*.ts',
  'libs/persistence/src/**/*.ts',
];
const databaseTime = 'Clocks of processes differ: use now() in SQL, or UnitOfWork.now(), which rules are handed.';
const processClock = {
  paths: [{ name: '@rookery/platform', importNames: ['Clock', 'SystemClock'], message: databaseTime }],
};

// #region part:simulation
/** What the saga simulation runs together (docs/decisions/0013-saga-simulation.md): the services that take part in a saga. */
const sagaServices = ['orders', 'payments', 'products'].map((service) => `../../../apps/${service}/src/**`);
// #endregion part:simulation

/** What a deployment is held against: the settings that each app reads. */
const appSettings = ['^../../apps/[a-z]+/src/([a-z]+[.]config|recovery/[a-z-]+[.]settings)$'];

/** The operator's commands, which the developer's command line runs on the local stack. */
const operatorCommands = ['../../../apps/operator/src/**', '../../apps/operator/src/operator-error'];

/** Node’s own modules, packages, our libs, then what is near. */
const importOrder = {
  type: 'natural',
  internalPattern: ['^@rookery/'],
  newlinesBetween: 0,
  groups: ['side-effect', 'builtin', 'external', 'internal', ['parent', 'sibling', 'index'], 'unknown'],
};

/** One way to say each thing. */
const dialect = [
  {
    selector: ':matches(PropertyDefinition, MethodDefinition) > PrivateIdentifier',
    message: 'Write `private`: one dialect, and specs of subclasses can see it.',
  },
  {
    selector:
      'Program > :matches(VariableDeclaration, ExportNamedDeclaration > VariableDeclaration)[kind="const"] > VariableDeclarator[init.type="Literal"][init.regex=undefined][id.name=/[a-z]/]',
    message: 'A constant of the module is written in UPPER_CASE.',
  },
];

const specs = ['**/*.spec.ts', '**/*.int-spec.ts', '**/test/**/*.ts'];

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', '**/.data', '**/.nx', '**/coverage'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { '@nx': nx, perfectionist },
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(),
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Nest modules are classes without members; entities and DTO-free controllers need no more.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/require-await': 'off',
      'no-restricted-imports': ['error', noTestingInProduct],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read settings through loadConfig of @rookery/platform.' },
      ],
      'no-console': 'error',
      eqeqeq: 'error',
      'perfectionist/sort-imports': ['error', importOrder],
      'perfectionist/sort-named-imports': ['error', { type: 'natural', ignoreAlias: true }],
      'no-restricted-syntax': ['error', ...dialect],
    },
  },
  {
    files: dueByTheDatabase,
    ignores: specs,
    rules: {
      'no-restricted-imports': ['error', { ...noTestingInProduct, ...processClock }],
      'no-restricted-syntax': [
        'error',
        ...dialect,
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: databaseTime },
        { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: databaseTime },
      ],
    },
  },
  {
    files: specs,
    plugins: { '@nx': nx, jest },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(['type:testing']),
      ...jest.configs['flat/recommended'].rules,
      // Expectations also live in helpers and in eventually().
      'jest/expect-expect': [
        'error',
        { assertFunctionNames: ['expect*', '**.expect*', 'eventually', 'fc.assert', 'assert*'] },
      ],
      'jest/no-conditional-expect': 'off',
      'jest/no-standalone-expect': 'off',
      // A browser or a platform may be missing: such a spec says so and is skipped.
      'jest/no-disabled-tests': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // Nest types the options of its factories by a class it does not export.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  {
    // Programs about the repository and the test library: they talk to a terminal and start processes with an environment.
    files: ['tools/**/*.ts', 'libs/testing/**/*.ts', 'apps/e2e/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-properties': 'off', 'no-restricted-imports': 'off' },
  },
  {
    files: ['tools/cli/**/*.ts'],
    ignores: specs,
    plugins: { '@nx': nx },
    rules: { '@nx/enforce-module-boundaries': boundaries([], operatorCommands) },
  },
  // #region part:simulation
  {
    files: ['tools/verify/simulation/**/*.ts'],
    plugins: { '@nx': nx },
    rules: { '@nx/enforce-module-boundaries': boundaries([], sagaServices) },
  },
  // #endregion part:simulation
  {
    files: ['tools/release/**/*.ts'],
    plugins: { '@nx': nx },
    rules: { '@nx/enforce-module-boundaries': boundaries([], appSettings) },
  },
  // The operator's program has no configuration but its address and its token.
  { files: ['apps/operator/src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['**/*.ts'],
    // Tables of test data are as long as what they list.
    ignores: [...specs, 'apps/e2e/src/**', '**/migrations/*.ts'],
    rules: {
      complexity: ['error', 15],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['libs/*/src/**/*.ts'],
    ignores: specs,
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        { publicOnly: true, checkConstructors: false, require: { ClassDeclaration: true, FunctionDeclaration: true } },
      ],
      'jsdoc/check-tag-names': 'error',
      'jsdoc/require-throws-type': 'error',
    },
  },
  { files: ['libs/platform/src/config/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  prettier,
  // Prettier’s configuration switches it off for the sake of its other settings; braces around every body are no matter of layout.
  { files: ['**/*.ts'], rules: { curly: ['error', 'all'] } },
);
