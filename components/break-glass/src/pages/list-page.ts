import { emergencyScopes, type Incident } from '@countersign/contracts';
import { describeScope } from '@countersign/market';
import { formFields, type Html, html, page, type RefusedForm } from '@countersign/runtime';
import type { TextContext } from './parts.ts';

/** The incidents of an institution, and for holders the form to declare one. */
export function listPage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly incidents: readonly Incident[];
    /** Interfaces to choose from; undefined if the person is not a holder. */
    readonly resources: readonly string[] | undefined;
    readonly csrf: Html;
    readonly path: string;
    /** Entries of a refused declaration. */
    readonly typed?: ReadonlyMap<string, string>;
    readonly refused?: RefusedForm;
  },
): Html {
  const { list, statuses } = texts;
  const { incidents, resources, path } = content;
  return page({
    title: list.title,
    lang,
    banner,
    body: html`<article class="panel" aria-labelledby="title">
<h1 id="title">${list.title}</h1>
<p class="lead">${list.lead}</p>
<section aria-labelledby="open"><h2 id="open">${list.open}</h2>
${
  incidents.length === 0
    ? html`<p>${list.none}</p>`
    : html`<table><thead><tr><th scope="col">${list.reference}</th><th scope="col">${list.holder}</th><th scope="col">${list.status}</th></tr></thead>
<tbody>${incidents.map(
        (each) => html`<tr>
<td><a href="${path}/${each.id}"><bdi>${each.reference}</bdi></a></td>
<td><bdi>${each.holder}</bdi></td>
<td>${statuses[each.status]}</td>
</tr>`,
      )}</tbody></table>`
}
</section>
${resources !== undefined && declareForm({ texts, lang, banner }, { ...content, resources })}
</article>`,
  });
}

function declareForm(
  { texts: { list, declare }, lang }: TextContext,
  content: Pick<Parameters<typeof listPage>[1], 'csrf' | 'path' | 'typed' | 'refused'> & {
    readonly resources: readonly string[];
  },
): Html {
  const { resources, csrf, path, typed, refused } = content;
  const form = formFields(refused, { fields: ['reason', 'reference', 'resource', 'scopes', 'jkt'], lang, typed });
  return html`<section aria-labelledby="declare"><h2 id="declare">${list.declareTitle}</h2>
${form.notice}
<form method="post" action="${path}">
${csrf}
<p><label for="reason">${declare.reason}</label></p>
<p><textarea id="reason" name="reason" required minlength="10" maxlength="400" rows="3"${form.attributes('reason')}>${form.value('reason')}</textarea></p>
${form.problem('reason')}
<p><label for="reference">${declare.reference}</label></p>
<p><input type="text" id="reference" name="reference" value="${form.value('reference')}" required maxlength="100" autocomplete="off"${form.attributes('reference')}></p>
${form.problem('reference')}
<p><label for="resource">${declare.resource}</label></p>
<p><select id="resource" name="resource" required${form.attributes('resource')}>${resources.map((uri) => html`<option value="${uri}"${uri === form.value('resource') && html` selected`}>${uri}</option>`)}</select></p>
${form.problem('resource')}
<fieldset${form.attributes('scopes')}${form.problem('scopes') !== undefined && html` tabindex="-1"`}><legend>${declare.scopes}</legend>${form.problem('scopes')}<ul class="choices">${emergencyScopes.map(
    (scope) =>
      html`<li><label class="choice"><input type="checkbox" name="scope-${scope}" value="yes"${form.value(`scope-${scope}`) === 'yes' && html` checked`}><span><span class="name"><code>${scope}</code></span><span class="about">${describeScope(scope)}</span></span></label></li>`,
  )}</ul></fieldset>
<p><label for="jkt">${declare.jkt}</label></p>
<p><input type="text" id="jkt" name="jkt" value="${form.value('jkt')}" required minlength="43" maxlength="43" pattern="[A-Za-z0-9_\\-]{43}" autocomplete="off" spellcheck="false"${form.attributes('jkt', 'jkt-hint')}></p>
${form.problem('jkt')}
<p class="hint" id="jkt-hint">${declare.jktHint}</p>
<div class="actions"><button class="primary" type="submit" name="action" value="prepare">${declare.next}</button></div>
</form></section>`;
}
