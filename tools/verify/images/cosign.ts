import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { outputOf, type RunOptions, runProgram } from '@rookery/devkit/terminal/run-program';

/** As the workflow signs with a cosign of today, in the form that admission reads. Cosign before 2.6 knows no other and not these options. */
export const READABLE = ['--new-bundle-format=false', '--use-signing-config=false'] as const;

/** The program that the variable names, else the first of these that is here. */
export function programHere(variable: string, names: readonly string[]): string | undefined {
  const given = process.env[variable] ?? '';
  return [...(given === '' ? names : [given])].find((name) => {
    try {
      execFileSync(name, ['--help'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** Signs one image with keys of its own, so that nothing of a trial gets into the public log. */
export class Cosign {
  private constructor(
    private readonly program: string,
    private readonly folder: string,
    private readonly image: string,
    private readonly form: readonly string[],
  ) {}

  /** `folder` holds the keys; `image` is named by digest. */
  static async open(program: string, folder: string, image: string): Promise<Cosign> {
    const help = await outputOf(program, ['sign', '--help']);
    return new Cosign(program, folder, image, help.includes('--use-signing-config') ? READABLE : []);
  }

  async makeKeys(name: string): Promise<void> {
    await this.run('generate-key-pair', '--output-key-prefix', join(this.folder, name));
  }

  async sign(key: string): Promise<void> {
    await this.run('sign', ...this.offline, '--key', this.private(key), this.image);
  }

  verifies(key: string): Promise<boolean> {
    return this.succeeds('verify', ...this.withoutLog, '--key', this.public(key), this.image);
  }

  async attest(key: string, bom: string): Promise<void> {
    const what = ['--type', 'cyclonedx', '--predicate', bom];
    await this.run('attest', ...this.offline, ...what, '--key', this.private(key), this.image);
  }

  attested(key: string): Promise<boolean> {
    const what = ['--type', 'cyclonedx'];
    return this.succeeds('verify-attestation', ...this.withoutLog, ...what, '--key', this.public(key), this.image);
  }

  private get offline(): readonly string[] {
    return ['--yes', ...this.form, '--tlog-upload=false', '--allow-http-registry'];
  }

  private readonly withoutLog = ['--insecure-ignore-tlog', '--allow-http-registry'];

  private private(key: string): string {
    return join(this.folder, `${key}.key`);
  }

  private public(key: string): string {
    return join(this.folder, `${key}.pub`);
  }

  private get options(): RunOptions {
    return { cwd: this.folder, env: { ...process.env, COSIGN_PASSWORD: '' } };
  }

  private async run(...args: readonly string[]): Promise<void> {
    await outputOf(this.program, args, this.options);
  }

  private async succeeds(...args: readonly string[]): Promise<boolean> {
    return (await runProgram(this.program, args, this.options)).code === 0;
  }
}
