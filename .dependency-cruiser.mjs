// No file and no folder of the product is in an import cycle. Type imports count: a cycle of types is a cycle for the reader.
const product = '^(apps|libs)/[^/]+/src/';

export default {
  forbidden: [
    {
      name: 'no-file-cycles',
      severity: 'error',
      from: { path: product },
      to: { circular: true },
    },
    {
      name: 'no-folder-cycles',
      severity: 'error',
      scope: 'folder',
      from: { path: product },
      to: { path: product, circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(node_modules|[.](spec|int-spec)[.]ts$|/test/|^dist|^[.]data)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
