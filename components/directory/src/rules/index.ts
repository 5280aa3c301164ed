import type { Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';
import { checkAccountContracts } from './account-contracts.ts';
import { checkBranches } from './branches.ts';
import { checkClientPrincipals } from './client-principals.ts';
import { checkDeviceHolders } from './device-holders.ts';
import { checkReferences } from './references.ts';
import { checkSharedCredentials } from './shared-credentials.ts';
import { checkSharedFederatedIdentities } from './shared-federated-identities.ts';
import { checkShortCodes } from './short-codes.ts';

/** What must hold in the whole graph, whoever wrote which part of it. */
const rules: readonly ((graph: Graph, problems: Problems) => void)[] = [
  checkReferences,
  checkSharedCredentials,
  checkSharedFederatedIdentities,
  checkClientPrincipals,
  checkDeviceHolders,
  checkBranches,
  checkAccountContracts,
  checkShortCodes,
];

export function checkGraph(graph: Graph, problems: Problems): void {
  for (const rule of rules) rule(graph, problems);
}
