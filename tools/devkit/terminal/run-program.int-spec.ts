import { outputOf, runProgram } from './run-program';

const node = (script: string): readonly string[] => ['-e', script];

describe('a program', () => {
  it('is answered with its code and what it printed, also when it fails', async () => {
    const script = "process.stdout.write('out'); process.stderr.write('err'); process.exitCode = 3";
    await expect(runProgram(process.execPath, node(script))).resolves.toEqual({
      code: 3,
      stdout: 'out',
      stderr: 'err',
    });
  });

  it('gets its input', async () => {
    const input = 'x'.repeat(1_000_000);
    const echo = 'process.stdin.pipe(process.stdout)';
    await expect(outputOf(process.execPath, node(echo), { input })).resolves.toBe(input);
    await expect(runProgram(process.execPath, node('process.exit(0)'), { input })).resolves.toMatchObject({ code: 0 });
  });

  it('is answered with 127 and the reason when it cannot be started, or is killed', async () => {
    const { code, stderr } = await runProgram('/no/such/program', []);
    expect(code).toBe(127);
    expect(stderr).toContain('ENOENT');
    const forever = node('setInterval(() => undefined, 1e9)');
    await expect(runProgram(process.execPath, forever, { timeout: 200 })).resolves.toMatchObject({ code: 127 });
  });

  it('is named in the error, with what it said', async () => {
    const failing = node("process.stderr.write('no room'); process.exit(1)");
    await expect(outputOf(process.execPath, failing)).rejects.toThrow(/node -e .* ended with 1: no room$/);
  });
});
