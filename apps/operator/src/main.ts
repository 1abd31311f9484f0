import { connectionOf, runOperator } from './program';

// A reader such as `head` closes the pipe once it has read enough.
process.stdout.on('error', () => process.exit());
process.exitCode = await runOperator(process.argv.slice(2), () => connectionOf(process.env), process);
