import type { ComponentMigrations } from '@countersign/runtime';

export {
  createEventPublisher,
  type EventPublisherDependencies,
  type RunningEventPublisher,
} from './event-publisher.ts';
export { type EventPublisherRoutes, eventPublisherRoutes } from './http.ts';
export { type SignalRoutes, signalRoutes } from './signals/http.ts';
export {
  createSignalTransmitter,
  type SignalTransmitter,
  type SignalTransmitterDependencies,
} from './signals/transmitter.ts';

export const eventPublisherMigrations: ComponentMigrations = {
  name: 'event-publisher',
  schema: 'event_publisher',
  role: 'countersign_event_publisher',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
