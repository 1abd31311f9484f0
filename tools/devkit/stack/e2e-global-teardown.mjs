export { default } from './jest-global-teardown.mjs';
