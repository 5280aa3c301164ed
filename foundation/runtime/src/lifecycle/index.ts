export { createLifecycle, type Lifecycle, type Stoppable, stayUntilSignalled } from './lifecycle.ts';
export { type ReadModel, type ReadModelOptions, startReadModel } from './read-model.ts';
export { createRounds, type Rounds, type RoundsOptions } from './rounds.ts';
