import { type Decision, insertValue, openDecision, protectedDecision, readPointer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** The decision in `data.decision`, as seen by a reader who may read the whole record. */
export function recordedDecision(decision: Decision): Json {
  let recorded: Readonly<Record<string, unknown>> = { data: { decision: openDecision(decision) } };
  for (const { path, value, text } of protectedDecision(decision, 'institution')) {
    const filled = insertValue(recorded, readPointer(path) ?? [], value ?? (JSON.parse(text ?? 'null') as Json));
    if (filled === undefined) throw new Error(`a decision has no place for ${path}`);
    recorded = filled;
  }
  return (recorded['data'] as { readonly decision: Json }).decision;
}
