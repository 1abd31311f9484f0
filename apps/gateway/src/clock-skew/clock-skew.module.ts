import { Module } from '@nestjs/common';
import { rpcEdges } from '@rookery/contracts';
import { Nats, secondsAheadOfMost } from '@rookery/messaging';
import { ClockSkew, HealthChecks, Metrics } from '@rookery/platform';

/** Compares the gateway's clock with those of most services: it has no database to compare with. */
@Module({
  providers: [
    {
      provide: ClockSkew,
      inject: [Nats, Metrics, HealthChecks],
      useFactory: (nats: Nats, metrics: Metrics, checks: HealthChecks) => {
        const ahead = secondsAheadOfMost(nats, rpcEdges.gateway);
        const skew = new ClockSkew(ahead, 'the clocks of most services', metrics);
        checks.add(skew);
        return skew;
      },
    },
  ],
})
export class ClockSkewModule {}
