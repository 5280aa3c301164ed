import { type ChosenTexts, type Html, html } from '@countersign/runtime';
import type { Texts } from '../texts/en.ts';

export function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}

export interface Drawn extends ChosenTexts<Texts> {
  readonly banner: string | undefined;
}
