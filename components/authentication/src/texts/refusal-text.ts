import type { Texts } from './en.ts';

/** What a refusal of an authenticator means, in the language of the page; nothing for a code that has no words here. */
export function refusalText({ refusals }: Texts, code: string): string {
  return Object.entries(refusals).find(([name]) => name === code)?.[1] ?? '';
}
