import { type Html, html } from '@countersign/runtime';

/** One line of a list of facts. */
export function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}
