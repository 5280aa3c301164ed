/**
 * The door for who calls a control plane and protects nothing: without what verifies the tokens of others, it loads in a
 * fraction of the time.
 */
export * from './approval.ts';
export * from './client.ts';
export * from './command-redirect.ts';
export * from './control-plane.ts';
export * from './decision-answer.ts';
export * from './development-person.ts';
export * from './emergency.ts';
export * from './envelope.ts';
export * from './events.ts';
export * from './keys.ts';
export * from './no-answer.ts';
export * from './security-events.ts';
export * from './transport.ts';
