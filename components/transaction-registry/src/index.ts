import type { ComponentMigrations } from '@countersign/runtime';

export { transactionRegistryRoutes } from './http.ts';
export { drawStateMachine, type StateMachine } from './life-cycles/index.ts';
export type { EvidencePathOf } from './pages/drawing.ts';
export { type ApproverPageRoutes, approverPageRoutes } from './pages/http.ts';
export {
  createTransactionRegistry,
  type TransactionRegistryComponent,
  type TransactionRegistryDependencies,
} from './transaction-registry.ts';

export const transactionRegistryMigrations: ComponentMigrations = {
  name: 'transaction-registry',
  schema: 'transaction_registry',
  role: 'countersign_transaction_registry',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
