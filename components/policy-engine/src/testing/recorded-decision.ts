import { type Decision, insertValue, openDecision, protectedDecision, readPointer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** The decision as whoever may read all of its record has it, in `data.decision`. */
export function recordedDecision(decision: Decision): Json {
  let recorded: Readonly<Record<string, unknown>> = { data: { decision: openDecision(decision) } };
  for (const { path, value, text } of protectedDecision(decision, 'institution')) {
    const filled = insertValue(recorded, readPointer(path) ?? [], value ?? (JSON.parse(text ?? 'null') as Json));
    if (filled === undefined) throw new Error(`a decision has no place for ${path}`);
    recorded = filled;
  }
  return (recorded['data'] as { readonly decision: Json }).decision;
}
