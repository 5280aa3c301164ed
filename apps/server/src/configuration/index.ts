export {
  type Configuration,
  configurationSchema,
  type GroupConfiguration,
  isOfGroup,
  readConfiguration,
} from './configuration.ts';
export { readConfigurationFile } from './configuration-file.ts';
export { type DevelopmentSetup, explainDevelopment, prepareDevelopment } from './development.ts';
export type {
  ClockConfiguration,
  PublicationConfiguration,
  TimeStampsConfiguration,
} from './evidence-configuration.ts';
export { type Listener, listenersOf, mainZone, mutualTlsZone } from './listeners.ts';
export { notSetUp } from './not-set-up.ts';
export { developmentIssuers, withPinnedKeySets } from './operator-people.ts';
export { directorySeed, emergencyClient, type OwnInterface, ownInterfaces } from './own-interfaces.ts';
export type { NoticesConfiguration } from './people-configuration.ts';
