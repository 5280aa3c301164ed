import { type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** An account is kept under a contract of its institution, and with the custodian that it names. */
export function checkAccountContracts(graph: Graph, problems: Problems): void {
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'account' || entity.value.contract === undefined) continue;
    const contract = graph.get(keyOf('contract', entity.value.contract))?.entity;
    if (contract?.kind !== 'contract') continue;
    const parties = new Set<string>(contract.value.parties.map(({ lei }) => lei));
    const { custodian } = entity.value;
    if (!parties.has(owner) || (custodian !== undefined && !parties.has(custodian)))
      problems
        .place(path)
        .at('contract')
        .report(
          'directory_file_invalid',
          'An account is kept under a contract to which its institution and its custodian are parties.',
        );
  }
}
