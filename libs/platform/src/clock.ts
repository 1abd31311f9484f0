import { Injectable } from '@nestjs/common';

/** The time, injected where a rule depends on it so that a test can set it. Also the injection token. */
export abstract class Clock {
  abstract now(): Date;
}

/** The machine's clock. */
@Injectable()
export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}
