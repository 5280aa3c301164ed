import type { ListedSession } from '@countersign/contracts';
import { type Html, html, inWords } from '@countersign/runtime';
import type { TextContext } from '../page-parts.ts';
import { facts, otherSessionsPath, rows, type SignedForm, sectionPage, sessionsPath, signedForm } from './drawing.ts';

/** `here`: the sessions in this browser. */
export interface OwnSessions {
  readonly all: readonly ListedSession[];
  readonly here: ReadonlySet<string>;
}

export function sessionsPage(
  drawn: TextContext,
  { sessions, done }: { readonly sessions: OwnSessions; readonly done?: string | undefined },
): Html {
  const { texts, lang } = drawn;
  const { sessions: words } = texts.selfService;
  const { all, here } = sessions;
  return sectionPage(drawn, {
    title: words.title,
    lead: words.lead,
    done,
    body: html`${rows(
      all.map((each) => ({
        name: html`<bdi>${each.where ?? words.unknownPlace}</bdi>${here.has(each.session) && html` <span class="tag">${words.here}</span>`}`,
        about: html`${words.tiers[each.tier]} · ${inWords(each.lastSeenAt, lang)}`,
        path: `${sessionsPath}/${each.session}`,
      })),
    )}
${
  all.some(({ session }) => !here.has(session))
    ? html`<div class="actions"><a class="button" href="${otherSessionsPath}">${words.endOthers}</a></div>`
    : html`<p class="quiet">${words.noOthers}</p>`
}`,
  });
}

/** Without a key a click is enough. */
export interface Ending extends SignedForm {
  readonly withoutKey: boolean;
}

export function sessionPage(
  drawn: TextContext,
  { session, isHere, ending }: { readonly session: ListedSession; readonly isHere: boolean; readonly ending: Ending },
): Html {
  const { texts, lang } = drawn;
  const { sessions: words } = texts.selfService;
  return sectionPage(drawn, {
    title: words.title,
    script: !isHere,
    problem: ending.problem,
    back: { path: sessionsPath, title: words.title },
    body: html`${facts([
      [words.where, session.where ?? words.unknownPlace],
      [words.what, words.tiers[session.tier]],
      [words.device, session.device],
      [words.since, inWords(session.startedAt, lang)],
      [words.lastSeen, inWords(session.lastSeenAt, lang)],
      [words.until, inWords(session.endsAt, lang)],
    ])}
${
  isHere
    ? html`<p>${words.endHere}</p><div class="actions"><a class="button" href="/sign-out">${words.signOut}</a></div>`
    : html`<section aria-labelledby="end"><h2 id="end">${words.end}</h2>
<p>${words.endLead}</p>
${endingForm(drawn, ending, words.endConfirms, words.end)}</section>`
}`,
  });
}

export function otherSessionsPage(
  drawn: TextContext,
  { others, ending }: { readonly others: readonly ListedSession[]; readonly ending: Ending },
): Html {
  const { texts, lang } = drawn;
  const { sessions: words } = texts.selfService;
  return sectionPage(drawn, {
    title: words.endOthers,
    lead: others.length === 0 ? words.noOthers : words.endOthersLead,
    script: others.length > 0,
    problem: ending.problem,
    back: { path: sessionsPath, title: words.title },
    body: html`${
      others.length > 0 &&
      html`${rows(
        others.map((each) => ({
          name: html`<bdi>${each.where ?? words.unknownPlace}</bdi>`,
          about: html`${words.tiers[each.tier]} · ${inWords(each.lastSeenAt, lang)}`,
        })),
      )}
${endingForm(drawn, ending, words.endOthersConfirms, words.endOthers)}`
    }`,
  });
}

function endingForm(drawn: TextContext, ending: Ending, confirms: string, button: string): Html {
  const { path, csrf, asked, withoutKey } = ending;
  if (!withoutKey) return signedForm(drawn, { path, csrf, asked, action: 'end', confirms, button, style: 'refuse' });
  return html`<form method="post" action="${path}">
${csrf}<input type="hidden" name="action" value="end">
<div class="actions"><button class="refuse">${button}</button></div>
</form>`;
}
