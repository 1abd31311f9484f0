import { eventEdges, eventProducers, rpcEdges } from './context-map';
import { DeadLetterConsumers } from './dead-letters';
import * as contracts from './index';
import { eventContracts, rpcContracts } from './registry';

describe('the catalog of contracts', () => {
  it('gives each request and each event a subject of its own', () => {
    const subjects = [...rpcContracts, ...eventContracts].map((contract) => contract.subject);
    expect(new Set(subjects).size).toBe(subjects.length);
  });

  it('keeps requests and events under different roots, so that no stream answers a request', () => {
    for (const { subject, service } of rpcContracts) {
      expect(subject).toMatch(new RegExp(`^rpc\\.${service}\\.[a-z]+(-[a-z]+)*$`));
    }
    for (const { subject, producer } of eventContracts) {
      expect(subject).toMatch(
        new RegExp(`^events\\.${producer}\\.[a-z]+(-[a-z]+)*\\.[a-z]+(-[a-z]+)*\\.v[1-9][0-9]*$`),
      );
    }
  });

  it('names the subjects that the outside relies on', () => {
    expect(eventContracts.map((event) => [event.name, event.subject])).toEqual([
      ['OrderCreated', 'events.orders.order.order-created.v1'],
      ['OrderConfirmed', 'events.orders.order.order-confirmed.v1'],
      ['OrderCanceled', 'events.orders.order.order-canceled.v1'],
      ['PaymentReserved', 'events.payments.payment.payment-reserved.v1'],
      ['PaymentFailed', 'events.payments.payment.payment-failed.v1'],
      ['PaymentCaptured', 'events.payments.payment.payment-captured.v1'],
      ['PaymentReleased', 'events.payments.payment.payment-released.v1'],
      ['StockReserved', 'events.products.reservation.stock-reserved.v1'],
      ['StockRejected', 'events.products.reservation.stock-rejected.v1'],
      ['StockReleased', 'events.products.reservation.stock-released.v1'],
      ['ProductChanged', 'events.products.product.product-changed.v1'],
    ]);
  });

  it('lists every event that is declared', () => {
    const declared = Object.values(contracts).filter(
      (value) => typeof value === 'object' && 'producer' in value && 'handledBy' in value,
    );
    expect(new Set(eventContracts)).toEqual(new Set(declared));
  });

  it('has a stream for every producer and only known producers', () => {
    expect(new Set(eventContracts.map((event) => event.producer))).toEqual(new Set(eventProducers));
  });

  it('has dead letters for every service that consumes events', () => {
    expect(Object.keys(eventEdges).toSorted()).toEqual([...DeadLetterConsumers]);
  });

  it('says of every event who acts on it, along the edges', () => {
    for (const { handledBy, producer } of eventContracts) {
      for (const consumer of handledBy) {
        expect(eventEdges[consumer]).toContain(producer);
      }
    }
  });

  it('lets no service call itself or consume its own events', () => {
    for (const [caller, callees] of Object.entries(rpcEdges)) {
      expect(callees).not.toContain(caller);
    }
    for (const [consumer, producers] of Object.entries(eventEdges)) {
      expect(producers).not.toContain(consumer);
    }
  });

  it('keeps synchronous chains to one further hop', () => {
    for (const callee of rpcEdges.gateway) {
      for (const next of rpcEdges[callee]) {
        expect(rpcEdges[next]).toEqual([]);
      }
    }
  });
});
