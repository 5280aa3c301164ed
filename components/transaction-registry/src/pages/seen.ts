import type { Person, ShownToApprover } from '@countersign/contracts';
import { type Digest, digestOf } from '@countersign/kernel';
import type { BeforeApprover } from '../before-approver.ts';
import { viewShownTo } from '../shown.ts';

/** What time alone brings is not a change of what was shown. */
const ofTime: readonly string[] = ['intent_expired', 'intent_expires_soon'];

/** Of all that a person goes by, as they were shown it: a form brings it back. */
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

/** The same for the record of their approval. @param lang BCP 47 */
export function shownTo({ view }: BeforeApprover, { institution }: Person, lang: string): ShownToApprover {
  const { title, lines, warnings } = viewShownTo(view, institution);
  return { lang, title, lines, warnings };
}
