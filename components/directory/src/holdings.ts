import { defined } from '@countersign/kernel';
import { type EntityKind, type Graph, type JsonDocument, keyOf, shownDocument } from './entry.ts';

export interface Holdings {
  readonly kind: 'person' | 'service' | 'agent';
  readonly institution: string;
  readonly document: JsonDocument;
  readonly desk?: JsonDocument;
  readonly clients: readonly string[];
  readonly devices: readonly string[];
  readonly shortCodes: readonly { readonly venue: string; readonly code: number }[];
  readonly certified: readonly string[];
  readonly developed: readonly string[];
}

const kinds = ['person', 'service', 'agent'] as const;

export function holdingsOf(graph: Graph, principal: string): Holdings | undefined {
  const kind = kinds.find((candidate) => graph.has(keyOf(candidate, principal)));
  const entry = kind === undefined ? undefined : graph.get(keyOf(kind, principal));
  if (kind === undefined || entry === undefined) return undefined;
  const clients: string[] = [];
  const devices: string[] = [];
  const shortCodes: { venue: string; code: number }[] = [];
  const certified: string[] = [];
  const developed: string[] = [];
  for (const { id, entity } of graph.values()) {
    if (entity.kind === 'client' && entity.value.principal === principal) clients.push(id);
    if (entity.kind === 'device' && entity.value.holder === principal) devices.push(id);
    if (entity.kind === 'short-code' && entity.value.holder === principal)
      shortCodes.push({ venue: entity.value.venue, code: entity.value.code });
    if (entity.kind === 'agent' && entity.value.model.certifiedBy === principal) certified.push(id);
    if (entity.kind === 'agent' && entity.value.model.developedBy === principal) developed.push(id);
  }
  const desk = deskOf(graph, entry.owner, entry.document);
  return {
    kind,
    institution: entry.owner,
    document: shownDocument(entry),
    ...defined({ desk }),
    clients,
    devices,
    shortCodes,
    certified,
    developed,
  };
}

const deskKind: EntityKind = 'desk';

function deskOf(graph: Graph, institution: string, { desk }: JsonDocument): JsonDocument | undefined {
  const entry = typeof desk === 'string' ? graph.get(keyOf(deskKind, `${institution}/${desk}`)) : undefined;
  return entry === undefined ? undefined : shownDocument(entry);
}
