import { type Command, InvalidArgumentError } from 'commander';
import { Id, OrderDiagnosis } from '@rookery/contracts';
import { orderReport } from '../order-report';
import { print, printJson } from '../terminal';
import { type CommandContext, gatewayOf, JSON_OPTION, type JsonOption } from './context';

/** Adds `orders why`. */
export function addOrders(parent: Command, context: CommandContext): void {
  const { terminal } = context;
  const orders = parent.command('orders').description('explain where an order stands');
  orders
    .command('why')
    .description('explain what an order waits for, and what each service knows of it')
    .argument('<id>', 'id of the order', idOf)
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: JsonOption) => {
      const order = await (await gatewayOf(context)).get(OrderDiagnosis, `/v1/ops/orders/${id}`);
      if (json) {
        printJson(terminal, order);
        return;
      }
      orderReport(order).forEach((line) => print(terminal, line));
    });
}

function idOf(text: string): string {
  const id = Id.safeParse(text);
  if (id.success) {
    return id.data;
  }
  throw new InvalidArgumentError(`${text} is not the id of an order.`);
}
