import { type EntityKind, type Entry, type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** Every entity that another one names must exist. */
export function checkReferences(graph: Graph, problems: Problems): void {
  for (const entry of graph.values()) {
    for (const { kinds, id, steps } of referencesOf(entry)) {
      if (kinds.some((kind) => graph.has(keyOf(kind, id)))) continue;
      const place = problems.place(entry.path).at(...steps);
      place.report('reference_unknown', `There is no ${kinds.join(' or ')} by this id.`);
    }
  }
}

interface Reference {
  readonly kinds: readonly EntityKind[];
  readonly id: string;
  readonly steps: readonly (string | number)[];
}

const principals: readonly EntityKind[] = ['person', 'service', 'agent'];

function referencesOf({ entity, owner }: Entry): readonly Reference[] {
  const institution = { kinds: ['institution'], id: owner, steps: ['institution'] } as const;
  switch (entity.kind) {
    case 'institution':
    case 'rate':
    // Feeds may name venues on which no member trades.
    case 'instrument':
      return [];
    case 'venue':
      return [{ kinds: ['institution'], id: owner, steps: ['operator'] }];
    case 'agent':
      return [
        institution,
        { kinds: principals, id: entity.value.model.certifiedBy, steps: ['model', 'certified_by'] },
        { kinds: principals, id: entity.value.model.developedBy, steps: ['model', 'developed_by'] },
      ];
    case 'client':
      return [
        institution,
        { kinds: principals, id: entity.value.principal, steps: ['principal'] },
        ...entity.value.audiences.map((id, index) => ({
          kinds: ['resource'] as const,
          id,
          steps: ['audiences', index],
        })),
      ];
    case 'contract':
      return [
        institution,
        ...entity.value.parties.map(({ lei }, index) => ({
          kinds: ['institution'] as const,
          id: lei,
          steps: ['parties', index, 'lei'],
        })),
      ];
    case 'short-code': {
      const { holder, venue } = entity.value;
      return [
        institution,
        { kinds: ['venue'], id: venue, steps: ['venue'] },
        ...(holder === owner ? [] : [{ kinds: principals, id: holder, steps: ['holder'] }]),
      ];
    }
    case 'desk':
      return [
        institution,
        ...(entity.value.branch === undefined
          ? []
          : [{ kinds: ['branch'] as const, id: `${owner}/${entity.value.branch}`, steps: ['branch'] }]),
        ...entity.value.venues.map((id, index) => ({ kinds: ['venue'] as const, id, steps: ['venues', index] })),
      ];
    case 'device': {
      const { holder } = entity.value;
      return holder === undefined ? [institution] : [institution, { kinds: ['person'], id: holder, steps: ['holder'] }];
    }
    case 'account': {
      const { custodian, contract } = entity.value;
      return [
        institution,
        ...(custodian === undefined ? [] : [{ kinds: ['institution'] as const, id: custodian, steps: ['custodian'] }]),
        ...(contract === undefined ? [] : [{ kinds: ['contract'] as const, id: contract, steps: ['contract'] }]),
      ];
    }
    default:
      return [institution];
  }
}
