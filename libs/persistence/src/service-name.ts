/** Injection token of the service's name: source of its events and consumer in its inbox. */
export const SERVICE_NAME = Symbol('rookery.persistence.service');
