import type { RecordDraft } from '@countersign/contracts';

/**
 * What is known of a request so far, in the words of its record. It grows as rules pass, so that a refusal
 * records everything that had been established when it came; nothing decides by it.
 */
export type Established = { -readonly [Field in keyof RecordDraft]?: RecordDraft[Field] };
