import type { WaitingTransaction } from '@countersign/contracts';
import { type Html, html, page } from '@countersign/runtime';
import { viewShownTo } from '../shown.ts';
import type { Drawing } from './drawing.ts';

export interface ListContent {
  readonly person: { readonly id: string; readonly institution: string };
  readonly waiting: readonly WaitingTransaction[];
  readonly more: boolean;
  readonly otherPath: string | undefined;
}

/** The transactions awaiting approval by the signed-in person. Works without a script. */
export function listPage({ person, waiting, more, otherPath }: ListContent, drawing: Drawing): Html {
  const { lang, texts, moment, path } = drawing;
  const { list } = texts;
  return page({
    title: list.title,
    lang,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${list.title}</h1>
<p class="lead">${list.lead}</p>
<p>${list.signedInAs} <strong><bdi>${person.id}</bdi></strong>. ${list.reload}</p>
${waiting.length === 0 ? html`<p role="status">${list.none}</p>` : form()}
${more && html`<p class="hint">${list.more}</p>`}
${otherPath !== undefined && html`<p><a href="${otherPath}">${list.other}</a></p>`}
</section>`,
  });

  function form(): Html {
    return html`<form method="get" action="${path}/batch">
<fieldset>
<legend>${list.choose}</legend>
<ul class="choices">${waiting.map(row)}</ul>
</fieldset>
<div class="actions"><button class="primary" type="submit">${list.together}</button></div>
</form>`;
  }

  function row({ view }: WaitingTransaction): Html {
    const { transaction, title, initiator, initiatorInstitution, notAfter, warnings } = viewShownTo(
      view,
      person.institution,
    );
    return html`<li><label class="choice"><input type="checkbox" name="txn" value="${transaction}"><span>
<span class="unseen">${list.tick}</span>
<bdi class="name" lang="en">${title}</bdi>
<span class="about">${list.startedBy} <bdi>${initiator ?? initiatorInstitution}</bdi>. ${list.before} ${moment(notAfter)}.</span>
${warnings.length > 0 && html`<span class="tag">${list.warned(warnings.length)}</span>`}
<a href="${path}/${transaction}">${list.open}<span class="unseen">: <bdi lang="en">${title}</bdi></span></a>
</span></label></li>`;
  }
}
