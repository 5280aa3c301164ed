export {
  createEventPublisher,
  type EventPublisherDependencies,
  type RunningEventPublisher,
} from './event-publisher.ts';
export { type EventPublisherRoutes, eventPublisherRoutes } from './http.ts';
export { eventPublisherMigrations } from './migrations.ts';
