import 'reflect-metadata';
import { recoverService, RpcClient } from '@rookery/messaging';
import { connect, Outbox, UnitOfWork } from '@rookery/persistence';
import { loadConfig } from '@rookery/platform';
import { InternalTokenIssuer, readSigningKey } from '@rookery/security';
import { ordersDatabase } from '../database';
import { OrderRecovery } from '../recovery/order-recovery';
import { OrderRecoveryConfig } from '../recovery/order-recovery.settings';

// After the database of orders was restored and before orders starts: docs/restore.md.
const config = loadConfig(OrderRecoveryConfig, { name: 'orders recovery' });

await recoverService('orders', config, async (nats, say) => {
  const tokens = new InternalTokenIssuer({ key: readSigningKey(config.INTERNAL_SIGNING_KEY), issuer: 'orders' });
  const dataSource = await connect(ordersDatabase({ ...config, DATABASE_POOL_SIZE: 1 }));
  try {
    const unitOfWork = new UnitOfWork(dataSource);
    const recovery = new OrderRecovery(unitOfWork, new Outbox(unitOfWork), new RpcClient(nats, tokens));
    const { restored, ended, repriced, refused, unreadable } = await recovery.run(
      nats.connection,
      config.RECOVERY_GRACE_SECONDS,
    );
    say(`orders: ${restored} restored from the stream, ${ended} ended`);
    for (const id of repriced) {
      say(`order ${id}: its lines have today’s prices, its total is what was agreed`);
    }
    for (const sequence of unreadable) {
      say(`message ${sequence} of the stream: not readable by this release, not recovered`);
    }
    for (const id of refused) {
      say(`order ${id}: not restored, one of its products is unknown`);
    }
  } finally {
    await dataSource.destroy();
  }
});
