import { reference } from './entities.ts';

/** A reference to an entity in Cedar's JSON form, and its canonical text. Shared: nobody changes it. */
export interface WrittenReference {
  readonly json: ReturnType<typeof reference>;
  readonly text: string;
}

/** Kept for each type; past it they are written anew. */
const maxKept = 4_096;

/** Types that nearly every question refers to, and of which there are few. */
const kept = {
  Account: new Map<string, WrittenReference>(),
  Institution: new Map<string, WrittenReference>(),
  Instrument: new Map<string, WrittenReference>(),
  Jurisdiction: new Map<string, WrittenReference>(),
  Venue: new Map<string, WrittenReference>(),
} as const;

export function writtenReference(type: keyof typeof kept, id: string): WrittenReference {
  const known = kept[type];
  const found = known.get(id);
  if (found !== undefined) return found;
  const json = reference(type, id);
  const written = { json, text: JSON.stringify(json) };
  if (known.size >= maxKept) known.clear();
  known.set(id, written);
  return written;
}
