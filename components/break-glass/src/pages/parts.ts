import { type Html, html, type PageContext } from '@countersign/runtime';
import type { Texts } from '../texts/en.ts';

export function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}

export type TextContext = PageContext<Texts>;
