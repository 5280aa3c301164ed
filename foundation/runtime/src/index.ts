export * from './configuration/index.ts';
export * from './database/index.ts';
export * from './http/index.ts';
export * from './keyring/index.ts';
export * from './lifecycle/index.ts';
export * from './observability/index.ts';
export * from './postgres/index.ts';
export * from './single-use/index.ts';
