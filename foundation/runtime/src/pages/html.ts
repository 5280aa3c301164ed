let make: (text: string) => Html;

/** A piece of HTML that {@link html} made: markup of ours, everything else in it escaped. */
export class Html {
  readonly #text: string;
  private constructor(text: string) {
    this.#text = text;
  }
  static {
    make = (text) => new Html(text);
  }
  toString(): string {
    return this.#text;
  }
}
/** What may stand in a template. Nothing and `false` leave nothing; there is no way to put markup in as text. */
export type HtmlValue = Html | string | number | bigint | false | null | undefined | readonly HtmlValue[];

/**
 * Markup as a template. Every value is escaped for text and for quoted attributes; only what this function made
 * goes in as markup. Attributes must be quoted in the template, and no value belongs into `<script>` or `<style>`
 * (there are none).
 *
 * @example html`<p title="${title}">${lines.map((line) => html`${line}<br>`)}</p>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    text += rendered(value) + (strings[index + 1] ?? '');
  });
  return make(text);
}

function rendered(value: HtmlValue): string {
  if (value === undefined || value === null || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(rendered).join('');
  return escaped(String(value));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

// Bidirectional controls would let a name turn around the words beside it, control characters would hide some, and
// characters without width make two names that look alike: on a page where people agree to something all of them are
// shown as what they are, characters that do not belong. The joiners (U+200C, U+200D) stay: whole scripts need them.
const deceiving = /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '').replace(deceiving, '\ufffd');
}
