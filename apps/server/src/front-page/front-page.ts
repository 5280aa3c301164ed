import { type Html, html, page } from '@countersign/runtime';
import type { Texts } from './texts/en.ts';

export interface FrontPageContent {
  readonly operator: string;
  readonly issuer: string;
  readonly banner: string | undefined;
  readonly tryOutPath: string | undefined;
  readonly evidencePath: string | undefined;
}

/** Keys of {@link Texts} with their paths. `…About` is the description. */
const forPeople = [
  ['account', '/me'],
  ['approve', '/approve'],
  ['approvals', '/approvals'],
  ['recover', '/recover'],
] as const;

/** Descriptions for software. A program that requests the start page also receives them. */
export const forSoftware = [
  ['openapi', '/openapi.json'],
  ['authorizationServer', '/.well-known/oauth-authorization-server'],
  ['openid', '/.well-known/openid-configuration'],
  ['authzen', '/.well-known/authzen-configuration'],
  ['signals', '/.well-known/ssf-configuration'],
] as const;

/** The start page. It is the same for every visitor and contains only public information. */
export function frontPage(content: FrontPageContent, texts: Texts, lang: string): Html {
  const { operator, issuer, banner, tryOutPath, evidencePath } = content;
  const people = [
    ...forPeople,
    ...(evidencePath === undefined ? [] : [['evidence', evidencePath] as const]),
    ...(tryOutPath === undefined ? [] : [['tryOut', tryOutPath] as const]),
  ];
  return page({
    title: texts.title,
    lang,
    banner,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">Countersign</h1>
<p class="lead">${texts.lead(operator)}</p>
<dl class="facts"><div><dt>${texts.address}</dt><dd>${issuer}</dd></div></dl>
${links('people', texts.people, people)}
${links('software', texts.software, forSoftware)}
</section>`,
  });

  function links(id: string, title: string, items: readonly (readonly [keyof Texts & Named, string])[]): Html {
    return html`<nav aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
<ul class="choices">${items.map(
      ([name, path]) =>
        html`<li><a class="choice" href="${path}"><span><span class="name">${texts[name]}</span> <span class="about">${texts[`${name}About`]}</span></span></a></li>`,
    )}</ul></nav>`;
  }
}

type Named = {
  [Name in keyof Texts]: Name extends `${infer Item}About` ? Item : never;
}[keyof Texts];
