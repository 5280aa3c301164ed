import type { ExaminedPolicySet, ParsedPolicy } from '@countersign/cedar';

/** What the thread is told, once: the texts of a bundle. */
export interface ToExamination {
  readonly policies: string;
  readonly schema: string;
}

/** Its answer: the policies a few at a time, so that reading one message keeps nobody waiting, and then the rest. */
export type FromExamination =
  | { readonly say: 'policies'; readonly policies: readonly ParsedPolicy[] }
  | { readonly say: 'examined'; readonly rest: Omit<ExaminedPolicySet, 'policies'> }
  /** A code of `cedarErrors`. */
  | {
      readonly say: 'refused';
      readonly code: string;
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    };
