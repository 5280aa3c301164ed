import { type ChosenTexts, type Html, html } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export const accountPath = '/me';

/** Language, texts and banner: what every page of this room is drawn with. */
export interface Drawn extends ChosenTexts<Texts> {
  readonly banner: string | undefined;
}

/** Explains the refusal of an authenticator in the language of the page; empty for a code without a text. */
export function refusalText({ refusals }: Texts, code: string): string {
  return Object.entries(refusals).find(([name]) => name === code)?.[1] ?? '';
}

/** The notice at the top of a page whose form was refused. @param heading says what did not happen */
export function problemNotice(heading: string, text: string, code: string): Html {
  return html`<div class="notice problem" role="alert" tabindex="-1" autofocus><p><strong>${heading}</strong> ${text} <span class="quiet">(${code})</span></p></div>`;
}
