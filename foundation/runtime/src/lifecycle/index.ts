export * from './lifecycle.ts';
export * from './rounds.ts';
