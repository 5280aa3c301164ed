export {
  createEventPublisher,
  type EventPublisherDependencies,
  type RunningEventPublisher,
} from './event-publisher.ts';
export { type EventPublisherRoutes, eventPublisherRoutes } from './http.ts';
export { eventPublisherMigrations } from './migrations.ts';
export { type SignalRoutes, signalRoutes } from './signals/http.ts';
export {
  createSignalTransmitter,
  type SignalTransmitter,
  type SignalTransmitterDependencies,
} from './signals/transmitter.ts';
