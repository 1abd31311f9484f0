/** A variable that tools/devkit/stack/jest-global-setup.mjs sets. */
export function requiredEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: run specs through Jest with the repository's preset`);
  }
  return value;
}
