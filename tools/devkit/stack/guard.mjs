// Runs one server so that it cannot outlive its parent: when stdin closes (the parent stopped us, died or was killed)
// the server gets its stop signal. In a process group of its own, so that Ctrl-C reaches only the parent, which stops things in order.
// Usage: node guard.mjs '{"command","args","stopSignal","uid"?,"gid"?,"cwd"?}'; exits with the server's code.
import { spawn } from 'node:child_process';

const { command, args, stopSignal, killAfterMs = 20_000, ...options } = JSON.parse(process.argv[2]);
const server = spawn(command, args, { ...options, stdio: ['ignore', 'inherit', 'inherit'] });

const stop = () => {
  server.kill(stopSignal);
  setTimeout(() => server.kill('SIGKILL'), killAfterMs).unref();
};
process.stdin.on('end', stop).on('error', stop).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);

server.on('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
server.on('exit', (code, signal) => process.exit(code ?? (signal === stopSignal ? 0 : 1)));
