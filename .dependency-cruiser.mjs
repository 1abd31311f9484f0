// No file and no folder is in an import cycle. Type imports count: a cycle of types is a cycle for the reader. An import at run time does not:
// the list of commands loads a command when it is called, and some commands print the list.
const sources = '^((apps|libs)/[^/]+/src|tools)/';
const circular = { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import'] } };

export default {
  forbidden: [
    {
      name: 'no-file-cycles',
      severity: 'error',
      from: { path: sources },
      to: circular,
    },
    {
      name: 'no-folder-cycles',
      severity: 'error',
      scope: 'folder',
      from: { path: sources },
      to: { path: sources, circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(node_modules|[.](spec|int-spec)[.]ts$|/test/|^dist|^[.]data)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
