export * from './calling.ts';
export * from './protection.ts';
export * from './replay-memory.ts';
