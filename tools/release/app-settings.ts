import type { Caller } from '@rookery/contracts';
import type { SettingsSchema } from '@rookery/platform';
import { AuthConfig } from '../../apps/auth/src/auth.config';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config';
import { OrdersConfig } from '../../apps/orders/src/orders.config';
import { OrderRecoveryConfig } from '../../apps/orders/src/recovery/order-recovery.settings';
import { PaymentsConfig } from '../../apps/payments/src/payments.config';
import { ProductsConfig } from '../../apps/products/src/products.config';

/** What each app reads from its environment: a deployment must give what is required and may set nothing that is unknown. */
export const appSettings: Readonly<Record<Caller, SettingsSchema>> = {
  gateway: GatewayConfig,
  auth: AuthConfig,
  products: ProductsConfig,
  orders: OrdersConfig,
  payments: PaymentsConfig,
};

// #region part:kubernetes
/** What the recovery of orders reads. */
export const orderRecoverySettings: SettingsSchema = OrderRecoveryConfig;
// #endregion part:kubernetes
