import type { IncomingHttpHeaders } from 'node:http';

/** The texts of a language, and its BCP 47 tag for `page()`. */
export interface ChosenTexts<Texts> {
  readonly lang: string;
  readonly texts: Texts;
}

/** What the pages of a room are rendered with. */
export interface PageContext<Texts> extends ChosenTexts<Texts> {
  /** See {@link bannerOf}. */
  readonly banner: string | undefined;
}

const longestHeader = 1_000;
const mostRanges = 32;

/**
 * The texts in the language that the browser prefers (`Accept-Language`, RFC 9110 section 12.5.4); English when none of the
 * requested languages is available. `de` also serves `de-CH`.
 *
 * @example const { lang, texts } = chooseTexts(request, { en, de });
 */
export function chooseTexts<Texts>(
  request: { readonly headers: Pick<IncomingHttpHeaders, 'accept-language'> },
  catalogues: { readonly en: Texts; readonly [lang: string]: Texts },
): ChosenTexts<Texts> {
  for (const range of wanted(request.headers['accept-language'])) {
    const lang = range === '*' ? 'en' : (range.split('-')[0] ?? '');
    const texts = Object.entries(catalogues).find(([name]) => name === lang)?.[1];
    if (texts !== undefined) return { lang, texts };
  }
  return { lang: 'en', texts: catalogues.en };
}

/** Language ranges in lower case, most preferred first, without rejected ones (`q=0`). */
function wanted(header: string | undefined): readonly string[] {
  if (header === undefined || header.length > longestHeader) return [];
  return header
    .split(',', mostRanges)
    .flatMap((part, index) => {
      const [, range, weight = '1'] =
        /^\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$/i.exec(part) ?? [];
      return range === undefined || Number(weight) === 0
        ? []
        : [{ range: range.toLowerCase(), weight: Number(weight), index }];
    })
    .sort((one, other) => other.weight - one.weight || one.index - other.index)
    .map(({ range }) => range);
}
