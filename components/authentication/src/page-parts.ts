import type { PageContext } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export const accountPath = '/me';

export type TextContext = PageContext<Texts>;

/** Explains the refusal of an authenticator in the language of the page; empty for a code without a text. */
export function refusalText({ refusals }: Texts, code: string): string {
  return Object.entries(refusals).find(([name]) => name === code)?.[1] ?? '';
}
