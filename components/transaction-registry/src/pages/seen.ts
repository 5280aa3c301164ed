import type { Person, ShownToApprover } from '@countersign/contracts';
import { type Digest, digestOf } from '@countersign/kernel';
import type { BeforeApprover } from '../before-approver.ts';
import { viewShownTo } from '../shown.ts';

/** Warnings that depend on time alone, which is not a change. */
const ofTime: readonly string[] = ['intent_expired', 'intent_expires_soon'];

/** The digest of everything a person decides by; the form sends it back. */
export function shownDigest(befores: readonly BeforeApprover[]): Digest {
  return digestOf(
    befores.map(({ view }) => ({
      transaction: view.transaction,
      intent: view.intentDigest,
      lines: view.lines.map(({ label, value }) => [label, value]),
      warnings: view.warnings.map(({ code }) => code).filter((code) => !ofTime.includes(code)),
    })),
  );
}

/** The page content for the record of the approval. @param lang BCP 47 */
export function shownTo({ view }: BeforeApprover, { institution }: Person, lang: string): ShownToApprover {
  const { title, lines, warnings } = viewShownTo(view, institution);
  return { lang, title, lines, warnings };
}
