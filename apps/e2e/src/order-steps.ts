/** The events of an order that succeeds, up to its confirmation, in their order. */
export const stepsToConfirmation = ['OrderCreated', 'PaymentReserved', 'StockReserved', 'OrderConfirmed'];

/** What follows the confirmation. It comes from several services, in no order; listed by name. */
export const stepsAfterConfirmation = ['PaymentCaptured'];
