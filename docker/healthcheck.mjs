// Asks the app of this container whether it lives (/livez) or can serve (/readyz); exit code 0 when it does. Needs no shell.
import { readFileSync } from 'node:fs';

const { name } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));
const port = process.env.PORT || { gateway: 3000, auth: 3001, products: 3002, orders: 3003, payments: 3004 }[name];
const [path = '/livez'] = process.argv.slice(2);
try {
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_000) });
  process.exit(status === 200 ? 0 : 1);
} catch {
  process.exit(1);
}
