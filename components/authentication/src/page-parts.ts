import type { PageContext } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export const accountPath = '/me';

export type TextContext = PageContext<Texts>;

/** Undefined for a code without a text. */
export function textFor(texts: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined;
}

/** Empty for a code without a text. */
export function refusalText({ refusals }: Texts, code: string): string {
  return textFor(refusals, code) ?? '';
}
