export * from './guarded.ts';
export * from './outbound.ts';
export * from './problem.ts';
export * from './server.ts';
