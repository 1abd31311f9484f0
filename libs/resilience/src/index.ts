export * from './deadline';
export * from './dependency';
export * from './dependency-errors';
export * from './jitter';
export * from './retry-budget';
export * from './shared-limit';
