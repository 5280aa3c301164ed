/** Entry point for clients that only request tokens and steps. It loads no detail schemas, so that a client starts faster. */

export * from './scopes.ts';
export { transactionStepType } from './transaction-step-type.ts';
