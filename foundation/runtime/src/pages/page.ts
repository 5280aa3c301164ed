import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type Html, type HtmlValue, html } from './html.ts';
import { ceremonyScripts } from './scripts.ts';
import { stylesheetPath } from './stylesheet.ts';

export interface PageContent {
  /** Document title; the page's own heading is part of `body`. */
  readonly title: string;
  /** Content of `<main>`; starts with the only `<h1>` of the page. */
  readonly body: Html;
  /** BCP 47. Default `en`. */
  readonly lang?: string;
  /** Shown above everything else, e.g. for a development installation. */
  readonly banner?: HtmlValue | undefined;
  /** Whether a form of the page asks an authenticator; send the page with the option of the same name. */
  readonly script?: boolean;
  /** Paths of further scripts of our own origin, which run after those; send the page with `script`. */
  readonly scripts?: readonly string[];
}

/** Path of the installation's mark, which is also the icon of every page. */
export const markPath = '/assets/countersign.svg';

/**
 * A complete document in our layout: skip link, header, main, footer. It follows the reader's light or dark setting, loads
 * nothing from other origins, and runs only the scripts named here.
 */
export function page({ title, body, lang = 'en', banner, script, scripts = [] }: PageContent): Html {
  const { skip, colophon } = (lang === 'de' ? de : en).page;
  const paths = [...(script === true ? ceremonyScripts().map(({ path }) => path) : []), ...scripts];
  return html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<title>${title} · Countersign</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="${markPath}" type="image/svg+xml">
<link rel="stylesheet" href="${stylesheetPath}">
${paths.map(
  (path) => html`<script src="${path}" defer></script>
`,
)}</head>
<body>
<a class="skip" href="#main">${skip}</a>
${banner ? html`<div class="banner" role="note">${banner}</div>` : undefined}
<header class="masthead"><a href="/"><img src="${markPath}" alt="" width="28" height="28"><span>Countersign</span></a></header>
<main id="main" tabindex="-1">
${body}
</main>
<footer class="colophon"><p>${colophon}</p></footer>
</body>
</html>
`;
}
