import { parseArgs } from 'node:util';
import { Id, OrderDiagnosis } from '@rookery/contracts';
import { helpWhenAsked } from '../stack/help';
import { ask, CommandFailed, operatorToken, print, program } from './operator';
import { orderReport } from './order-report';

const usage = `Usage: npm run order -- why <id>
Says what an order waits for, and what each service knows of it. ROOKERY_TOKEN is the access token to use; without it the demo
operator of \`npm start\` is signed in.`;

function read(): readonly string[] {
  helpWhenAsked(usage);
  try {
    return parseArgs({ allowPositionals: true, options: {} }).positionals;
  } catch (error) {
    throw new CommandFailed(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

await program('order', async () => {
  const [command, id, ...more] = read();
  if (command !== 'why' || id === undefined || more.length > 0) throw new CommandFailed(usage);
  if (!Id.safeParse(id).success) throw new CommandFailed(`${id} is not the id of an order.\n${usage}`);
  const trace = OrderDiagnosis.parse(await ask(await operatorToken(), 'GET', `/v1/ops/orders/${id}`));
  orderReport(trace).forEach(print);
});
