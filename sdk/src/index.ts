export * from './approval.ts';
export * from './client.ts';
export * from './control-plane.ts';
export * from './decision-answer.ts';
export * from './keys.ts';
export * from './protection.ts';
export * from './replay-memory.ts';
export * from './transport.ts';
