// Loaded before an app that the stack starts: when the stack goes away without stopping it, the app stops by itself.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
