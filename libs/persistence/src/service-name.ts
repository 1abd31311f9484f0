/** Injection token of the service's name: the source of its events and the consumer in its inbox. */
export const SERVICE_NAME = Symbol('rookery.persistence.service');
