export * from './lifecycle.ts';
export * from './read-model.ts';
export * from './rounds.ts';
