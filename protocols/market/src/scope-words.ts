/** Entry point for clients that only request tokens and steps. It loads no detail schemas, so that a client starts faster. */
export { transactionStepType } from './authorization-details/index.ts';
export * from './scopes.ts';
