import { type ChosenTexts, type Html, html } from '@countersign/runtime';
import type { Texts } from '../texts/en.ts';

/** One line of a list of facts. */
export function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}

/** How every page of this room is drawn. */
export interface Drawn extends ChosenTexts<Texts> {
  readonly banner: string | undefined;
}
