export * from './brand.ts';
export * from './canonical-json.ts';
export * from './clock.ts';
export * from './decimal.ts';
export * from './digest.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './json-members.ts';
