import { type ChosenTexts, type Html, html } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export const accountPath = '/me';

export interface Drawn extends ChosenTexts<Texts> {
  readonly banner: string | undefined;
}

/** Undefined for a code without a text. */
export function textFor(texts: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined;
}

/** Empty for a code without a text. */
export function refusalText({ refusals }: Texts, code: string): string {
  return textFor(refusals, code) ?? '';
}

/** @param heading says what did not happen */
export function problemNotice(heading: string, text: string, code: string): Html {
  return html`<div class="notice problem" role="alert" tabindex="-1" autofocus><p><strong>${heading}</strong> ${text} <span class="quiet">(${code})</span></p></div>`;
}
