import { AccountsController } from './accounts/accounts.controller';
import { DeadLettersController } from './dead-letters/dead-letters.controller';
import { MeController } from './me/me.controller';
import { OrderTracesController } from './order-diagnosis/order-diagnosis.controller';
import { OrderStreamController } from './orders/order-stream.controller';
import { OrdersController } from './orders/orders.controller';
import { PaymentsController } from './payments/payments.controller';
import { ProductsController } from './products/products.controller';
import { ReconciliationsController } from './reconciliations/reconciliations.controller';

/** The routes of the public API, in the order in which they are documented. */
export const apiControllers = [
  ProductsController,
  OrdersController,
  OrderStreamController,
  PaymentsController,
  AccountsController,
  MeController,
  DeadLettersController,
  ReconciliationsController,
  OrderTracesController,
];
