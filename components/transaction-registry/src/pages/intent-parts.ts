import { type Html, html } from '@countersign/runtime';
import type { Changes } from '../changes.ts';
import type { ShownView } from '../shown.ts';
import { type Drawing, sentenceFor, shortDigest } from './drawing.ts';

export function warningsPart({ warnings }: ShownView, { texts }: Drawing): Html | false {
  return (
    warnings.length > 0 &&
    html`<div class="notice warning" role="note" aria-label="${texts.intent.warnings}"><p><strong>${texts.intent.warnings}</strong></p>
<ul>${warnings.map(({ code, detail }) => html`<li>${words(code, detail)} <code class="quiet">${code}</code></li>`)}</ul></div>`
  );

  function words(code: string, detail: string): Html {
    const sentence = sentenceFor(texts.warnings, code);
    return sentence === undefined ? html`<span lang="en">${detail}</span>` : html`${sentence}`;
  }
}

export function changesPart(changes: Changes, drawing: Drawing): Html | false {
  const { texts, moment, path } = drawing;
  const { warned, earlier } = changes;
  if (warned.length === 0 && earlier === undefined) return false;
  const nothing = html`<span class="quiet">${texts.changes.nothing}</span>`;
  return html`<div class="notice warning" role="note">
${
  warned.length > 0 &&
  html`<p><strong>${texts.changes.warned}</strong></p>
<ul>${warned.map((code) => html`<li>${sentenceFor(texts.warnings, code) ?? code}</li>`)}</ul>`
}
${
  earlier !== undefined &&
  html`<p><strong>${texts.changes.earlier}</strong></p>
<p>${texts.changes.earlierAt(moment(earlier.at))}</p>
<table><thead><tr><th scope="col">${texts.changes.what}</th><th scope="col">${texts.changes.before}</th><th scope="col">${texts.changes.now}</th></tr></thead>
<tbody>${earlier.lines.map(
    ({ label, before, now }) =>
      html`<tr><th scope="row">${labelOf(label, drawing)}</th><td>${value(before)}</td><td>${value(now)}</td></tr>`,
  )}</tbody></table>
<p><a href="${path}/${earlier.transaction}">${texts.changes.open}</a></p>`
}
</div>`;

  function value(text: string | undefined): Html {
    return text === undefined ? nothing : html`<bdi lang="en">${text}</bdi>`;
  }
}

export function linesPart({ lines, intentDigest }: ShownView, drawing: Drawing): Html {
  const { texts } = drawing;
  return html`<dl class="facts">${lines.map(
    ({ label, value }) =>
      html`<div><dt>${labelOf(label, drawing)}</dt><dd><bdi lang="en">${value}</bdi>${firmIn(value, drawing)}</dd></div>`,
  )}
<div><dt>${texts.intent.fingerprint}</dt><dd><code title="${intentDigest}">${shortDigest(intentDigest)}</code></dd></div></dl>`;
}

export function circumstancesPart(view: ShownView, drawing: Drawing): Html {
  const { texts, moment } = drawing;
  const { intent } = texts;
  const { initiator, initiatorInstitution, state, notAfter, awaited, escalation, approvals, declined } = view;
  const firm = html`<bdi>LEI ${initiatorInstitution}</bdi>${firmIn(`LEI ${initiatorInstitution}`, drawing)}`;
  return html`<dl class="facts">
${initiator !== undefined && fact(intent.startedBy, html`<bdi>${initiator}</bdi>`)}
${fact(intent.ofFirm, firm)}
${fact(intent.state, html`${sentenceFor(texts.states, state) ?? state}`)}
${fact(intent.decideBefore, html`${moment(notAfter)}`)}
${fact(
  intent.awaited,
  awaited.length === 0
    ? html`${intent.awaitedNothing}`
    : html`${awaited.map(
        ({ count, role, institution, independent }) =>
          html`${intent.wanted(count, roleIn(role, drawing), independent === true)}${firmIn(`LEI ${institution}`, drawing)}<br>`,
      )}${escalation.map(
        ({ role, inPlaceOf, from }) =>
          html`<span class="quiet">${intent.standsIn(roleIn(role, drawing), roleIn(inPlaceOf, drawing), moment(from))}</span><br>`,
      )}`,
)}
${fact(
  intent.given,
  approvals.length === 0
    ? html`${intent.nobody}`
    : html`${approvals.map(
        ({ approver, role }) =>
          html`${approver === undefined ? intent.somebody : html`<bdi>${approver}</bdi>`} (${roleIn(role, drawing)})<br>`,
      )}`,
)}
${
  declined.length > 0 &&
  fact(
    intent.declinedBy,
    html`${declined.map(
      ({ approver, reason, at }) => html`<bdi>${approver}</bdi>, ${moment(at)}: <q><bdi>${reason}</bdi></q><br>`,
    )}`,
  )
}
</dl>`;
}

export function fact(label: string, value: Html): Html {
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
}

export function roleIn(role: string, { texts }: Drawing): string {
  return sentenceFor(texts.roles, role) ?? role;
}

function labelOf(label: string, { texts }: Drawing): Html {
  const translated = sentenceFor(texts.labels, label);
  return translated === undefined ? html`<span lang="en">${label}</span>` : html`${translated}`;
}

/** The directory's name of an institution beside its LEI; not part of the signed intent. */
function firmIn(value: string, { directory }: Drawing): Html | false {
  const lei = /\bLEI ([A-Z0-9]{18}[0-9]{2})\b/.exec(value)?.[1];
  const name = lei === undefined ? undefined : directory.institution(lei)?.name;
  return name !== undefined && name !== lei && html` <span class="quiet">(<bdi>${name}</bdi>)</span>`;
}
