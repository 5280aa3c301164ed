export * from './authorization-details/index.ts';
export * from './codes/index.ts';
export * from './intent.ts';
export * from './narrowing.ts';
export * from './orders.ts';
export type { Parsed } from './parsed.ts';
export * from './roles.ts';
export * from './scopes.ts';
export type { Problem } from './shape.ts';
