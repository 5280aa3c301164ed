export * from './single-use.ts';
