import { type Html, html, type PageContext, page } from '@countersign/runtime';
import type { Texts } from '../texts/en.ts';

export type TextContext = PageContext<Texts>;

export const recoveryPath = '/recovery';

type NextPage = keyof typeof paths;
const paths = { back: recoveryPath, account: '/me' } as const;

/** The result of a form, with a link to the next page. */
export function donePage(
  { texts, lang, banner }: TextContext,
  content: { readonly title: string; readonly lead: string; readonly next: NextPage },
): Html {
  const { title, lead, next } = content;
  return page({
    title,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${title}</h1>
<p class="lead">${lead}</p>
<p><a href="${paths[next]}">${texts.done[next]}</a></p>
</section>`,
  });
}
