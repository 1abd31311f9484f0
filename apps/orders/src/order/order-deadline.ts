/** How long an order may stay Pending. */
export class OrderDeadline {
  constructor(readonly seconds: number) {}

  after(placedAt: Date): Date {
    return new Date(placedAt.getTime() + this.seconds * 1_000);
  }
}
