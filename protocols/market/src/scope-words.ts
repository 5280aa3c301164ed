/**
 * The door for what asks for tokens and steps alone: the words of scopes. It loads no schema of a detail, so that a client
 * starts in a fraction of the time.
 */
export { transactionStepType } from './authorization-details/index.ts';
export * from './scopes.ts';
