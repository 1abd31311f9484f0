export * from './jitter';
