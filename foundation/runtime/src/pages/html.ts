let make: (text: string) => Html;

/** HTML made by {@link html}: our markup, with all values escaped. */
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
/** Values of a template. Null, undefined and `false` produce nothing; text can never become markup. */
export type HtmlValue = Html | string | number | bigint | false | null | undefined | readonly HtmlValue[];

/**
 * A template for markup. Every value is escaped for text and for quoted attributes; only results of this function are inserted as
 * markup. Attributes must be quoted in the template, and `<script>` and `<style>` must not contain values (our pages have none).
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

// Characters that could deceive people about what they agree to: bidirectional controls can reverse neighbouring text, control
// characters can hide text, and zero-width characters make two names look alike. They are replaced by a visible character. The
// joiners (U+200C, U+200D) stay, because whole scripts need them.
const deceiving = /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '').replace(deceiving, '\ufffd');
}
