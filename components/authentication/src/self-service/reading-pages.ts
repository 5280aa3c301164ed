import type { DirectorySnapshot, PersonSignal } from '@countersign/contracts';
import { type Html, html, inWords, page } from '@countersign/runtime';
import { type TextContext, textFor } from '../page-parts.ts';
import { activityPath, rows, sectionPage } from './drawing.ts';
import type { ActivityPage, OwnActivity, OwnDevice, OwnGrant, OwnMandate } from './sources.ts';

export function overviewPage(
  { texts, lang, banner }: TextContext,
  content: {
    readonly person: string;
    readonly institution: string;
    readonly signals: readonly PersonSignal[];
    readonly sections: readonly { readonly title: string; readonly about: string; readonly path: string }[];
  },
): Html {
  const { selfService } = texts;
  const { person, institution, signals, sections } = content;
  return page({
    ...{ title: selfService.title, lang, banner },
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${selfService.title}</h1>
<p class="lead">${selfService.signedInAs} <strong><bdi>${person}</bdi></strong>${institution !== '' && html` ${selfService.of} <bdi>${institution}</bdi>`}.</p>
${signals.map((signal) => html`<div class="notice warning" role="note"><p><strong>${selfService.unusual}</strong> ${selfService.signals[signal]} <span class="quiet">(${signal})</span></p></div>`)}
<nav aria-labelledby="title">${rows(sections.map(({ title, about, path }) => ({ name: title, about, path })))}</nav>
<div class="actions"><a class="button" href="/sign-out">${selfService.sessions.signOut}</a></div>
</section>`,
  });
}

export function devicesPage(drawn: TextContext, devices: readonly OwnDevice[]): Html {
  const { texts, lang } = drawn;
  const { devices: words } = texts.selfService;
  const postureOf = ({ posture }: OwnDevice) => {
    if (posture === undefined) return words.unknownPosture;
    const state = posture.posture === 'compliant' ? words.compliant : words.failing(posture.failed.join(', '));
    return `${state} · ${words.lookedAt(inWords(posture.postureAt, lang))}`;
  };
  return listPage(
    drawn,
    words,
    devices.map((device) => ({
      name: html`<bdi>${device.id}</bdi>`,
      about: html`${words.enrolled[device.enrolled]} · ${postureOf(device)}`,
    })),
  );
}

export function mandatesPage(drawn: TextContext, mandates: readonly OwnMandate[], directory: DirectorySnapshot): Html {
  const { texts, lang } = drawn;
  const { mandates: words } = texts.selfService;
  const nameOf = (lei: string) => directory.institution(lei)?.name ?? lei;
  return listPage(
    drawn,
    words,
    mandates.map(({ id, status, grantor, grantee, effectiveUntil }) => ({
      name: html`${words.from} <bdi>${nameOf(grantor.lei)}</bdi> ${words.to.toLowerCase()} <bdi>${nameOf(grantee.lei)}</bdi>`,
      about: html`${words.status[status]} · ${words.until.toLowerCase()} ${inWords(effectiveUntil, lang)} · <code>${id}</code>`,
    })),
  );
}

export function grantsPage(drawn: TextContext, grants: readonly OwnGrant[]): Html {
  const { texts, lang } = drawn;
  const { grants: words } = texts.selfService;
  return listPage(
    drawn,
    words,
    grants.map(({ client, scopes, details, givenAt, expiresAt }) => ({
      name: html`<bdi>${client}</bdi>`,
      about: html`${scopes.map((scope) => html`<span class="tag">${scope}</span> `)}${details.length > 0 && html`<span class="tag">${words.orders(details.length)}</span>`}
${words.given} ${inWords(givenAt, lang)} · ${words.until.toLowerCase()} ${inWords(expiresAt, lang)}`,
    })),
  );
}

function listPage(
  drawn: TextContext,
  { title, lead, none }: { readonly title: string; readonly lead: string; readonly none: string },
  items: Parameters<typeof rows>[0],
): Html {
  return sectionPage(drawn, { title, lead, body: items.length === 0 ? html`<p>${none}</p>` : rows(items) });
}

export function activityPageOf(
  drawn: TextContext,
  { entries, next }: ActivityPage,
  { isNewest }: { readonly isNewest: boolean },
): Html {
  const { texts, lang } = drawn;
  const { activity: words } = texts.selfService;
  return sectionPage(drawn, {
    title: words.title,
    lead: words.lead,
    body: html`${
      entries.length === 0
        ? html`<p>${words.none}</p>`
        : rows(entries.map((entry) => ({ name: nameOf(drawn, entry), about: aboutOf(drawn, entry, lang) })))
    }
${
  (next !== undefined || !isNewest) &&
  html`<div class="actions">${next !== undefined && html`<a class="button" href="${activityPath}?before=${next}">${words.older}</a>`}${
    !isNewest && html`<a class="button" href="${activityPath}">${words.newest}</a>`
  }</div>`
}`,
  });
}

/** The type itself if it has no text. */
function nameOf({ texts }: TextContext, { type, name }: OwnActivity): Html {
  const { types, named } = texts.selfService.activity;
  const sentence = textFor(types, type) ?? type;
  return html`${sentence}${name !== undefined && html` <bdi>${named(name)}</bdi>`}`;
}

function aboutOf({ texts }: TextContext, entry: OwnActivity, lang: string): Html {
  const { activity } = texts.selfService;
  const { time, address, device, client, reason } = entry;
  const parts = [
    address === undefined ? undefined : activity.address(address),
    device === undefined ? undefined : activity.device(device),
    client === undefined ? undefined : activity.client(client),
    reason === undefined ? undefined : activity.refused(reason),
  ].filter((part) => part !== undefined);
  return html`${inWords(time, lang)}${parts.map((part) => html` · <bdi>${part}</bdi>`)}`;
}
