import { type BundleVerification, countOf, type Verdict } from '@countersign/evidence';
import { element, picture } from './element.ts';

/** Words and a sign, never colour alone. */
const words: Readonly<Record<Verdict, { readonly title: string; readonly meaning: string; readonly sign: string }>> = {
  verified: {
    title: 'Verified',
    meaning: "Everything that was checked holds, by the log's key that you gave.",
    sign: 'M5 12.5l4.5 4.5L19 7.5',
  },
  incomplete: {
    title: 'Incomplete',
    meaning:
      'No check failed, but some could not see all they need: values are withheld or erased, or records are no longer kept. See those marked incomplete below.',
    sign: 'M5 12h14M12 5v.01M12 19v.01',
  },
  unanchored: {
    title: 'Consistent, not anchored',
    meaning:
      "The bundle agrees with itself, which proves nothing yet: its sender could also have made the key. Give the log's key that you have from another source.",
    sign: 'M12 6v8M12 18v.01',
  },
  failed: {
    title: 'Not verified',
    meaning: 'At least one check failed. Failed checks come first below, each with its reason code.',
    sign: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  },
};

/** The heading receives the focus, so that a screen reader continues there. */
export function verdictView({ verdict, steps }: BundleVerification, actions: HTMLElement): HTMLElement {
  const { title, meaning, sign } = words[verdict];
  const count = countOf(steps);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" aria-hidden="true"><path d="${sign}"/></svg>`;
  return element(
    'section',
    { class: `verdict ${verdict}`, 'aria-labelledby': 'verdict' },
    element('h2', { id: 'verdict', tabindex: '-1' }, picture(svg), title),
    element('p', {}, `${meaning} ${count}`),
    actions,
  );
}
