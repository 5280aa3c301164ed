import type { AskedStatement, EvidenceRecord, Incident } from '@countersign/contracts';
import {
  ceremonyAttributes,
  ceremonyFields,
  formFields,
  type Html,
  html,
  inWords,
  page,
  type RefusedForm,
} from '@countersign/runtime';
import { fact, type TextContext } from './parts.ts';

/** A recorded action of the first holder during the access. */
export type RecordedAction = Pick<EvidenceRecord, 'time' | 'type' | 'outcome'>;

export interface IncidentContent {
  readonly incident: Incident;
  readonly csrf: Html;
  readonly path: string;
  readonly back: string;
  /** Actions available to the signed-in person. */
  readonly second?: AskedStatement;
  readonly mayEnd: boolean;
  readonly mayCollect: boolean;
  readonly review?: {
    readonly actions: readonly RecordedAction[];
    /** Entries of a refused review. */
    readonly typed?: ReadonlyMap<string, string>;
    readonly refused?: RefusedForm;
  };
}

/** One incident, with the actions available to the signed-in person. */
export function incidentPage({ texts, lang, banner }: TextContext, content: IncidentContent): Html {
  const { one, statuses, verdicts } = texts;
  const { incident, csrf, path, second, review, back } = content;
  const moment = (label: string, instant: string | undefined) =>
    instant !== undefined && fact(label, inWords(instant, lang));
  return page({
    title: one.title(incident.reference),
    lang,
    banner,
    script: second !== undefined,
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${one.title(incident.reference)}</h1>
<p class="lead"><strong>${statuses[incident.status]}</strong></p>
<dl class="facts">
${fact(one.holder, incident.holder)}
${fact(one.second, incident.second ?? one.nobody)}
${fact(one.reason, incident.reason)}
${fact(one.resource, incident.resource)}
${fact(one.scopes, incident.scopes.join(', '))}
${fact(one.jkt, incident.jkt)}
${moment(one.declaredAt, incident.declaredAt)}
${incident.status === 'declared' && moment(one.secondBefore, incident.secondBefore)}
${moment(one.endsAt, incident.endsAt)}
${incident.endsAt !== undefined && fact(one.collected, incident.collected ? one.yes : one.no)}
${moment(one.reviewDueAt, incident.reviewDueAt)}
${incident.review !== undefined && fact(one.verdict, `${verdicts[incident.review.verdict]}, ${incident.review.by}: ${incident.review.note}`)}
</dl>
${
  second !== undefined &&
  html`<section aria-labelledby="second"><h2 id="second">${one.secondTitle}</h2>
<form method="post" action="${path}"${ceremonyAttributes('get', second.options)}>
${csrf}<input type="hidden" name="handle" value="${second.handle}">
<p class="hint">${one.secondHint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary" type="submit" name="action" value="second">${one.sign}</button></div>
</form></section>`
}
${
  content.mayCollect &&
  html`<section aria-labelledby="collect"><h2 id="collect">${one.collectTitle}</h2>
<p>${one.collectHint}</p><pre><code>countersign incident collect ${incident.id}</code></pre></section>`
}
${
  content.mayEnd &&
  html`<section aria-labelledby="end"><h2 id="end">${one.endTitle}</h2>
<form method="post" action="${path}">${csrf}<p class="hint">${one.endHint}</p>
<div class="actions"><button class="refuse" type="submit" name="action" value="end">${one.end}</button></div></form></section>`
}
${review !== undefined && reviewForm({ texts, lang, banner }, review, csrf, path)}
${review === undefined && incident.status === 'granted' && html`<p class="hint">${one.waitsForReview}</p>`}
<p><a href="${back}">${texts.done.back}</a></p>
</article>`,
  });
}

function reviewForm(
  { texts: { one }, lang }: TextContext,
  { actions, typed, refused }: NonNullable<IncidentContent['review']>,
  csrf: Html,
  path: string,
): Html {
  const form = formFields(refused, { fields: ['note', 'verdict'], lang, typed });
  const chosen = (verdict: string) => form.value('verdict') === verdict && html` checked`;
  return html`<section aria-labelledby="review"><h2 id="review">${one.reviewTitle}</h2>
<p class="hint">${one.reviewHint}</p>
<h3>${one.actions}</h3>
${
  actions.length === 0
    ? html`<p>${one.noActions}</p>`
    : html`<ul>${actions.map((each) => html`<li>${inWords(each.time, lang)}: <code>${each.type}</code> (${each.outcome})</li>`)}</ul>`
}
${form.notice}
<form method="post" action="${path}">
${csrf}
<p><label for="note">${one.note}</label></p>
<p><textarea id="note" name="note" required minlength="10" maxlength="400" rows="3"${form.attributes('note')}>${form.value('note')}</textarea></p>
${form.problem('note')}
<fieldset${form.attributes('verdict')}${form.problem('verdict') !== undefined && html` tabindex="-1"`}><legend>${one.verdict}</legend>${form.problem('verdict')}
<ul class="choices"><li><label class="choice"><input type="radio" name="verdict" value="justified" required${chosen('justified')}><span class="name">${one.justified}</span></label></li>
<li><label class="choice"><input type="radio" name="verdict" value="not-justified"${chosen('not-justified')}><span class="name">${one.notJustified}</span></label></li></ul></fieldset>
<div class="actions"><button class="primary" type="submit" name="action" value="prepare-review">${one.next}</button></div>
</form></section>`;
}
