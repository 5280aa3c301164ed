import type { ApplicationDetailType, DirectorySnapshot, GrantTerms } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  describeAuthorizationDetail,
  digestOfIntent,
} from '@countersign/market';
import { type Html, html } from '@countersign/runtime';
import { membersOfDetail } from './token-endpoint/index.ts';

// Shared by the consent page and the approval page on the person's own device.

/** Rendered only from the terms that will be granted. @param noticeOf a notice above an intent, such as its changes */
export function detailsSection(
  { details, applicationDetails = [] }: GrantTerms,
  types: ReadonlyMap<string, ApplicationDetailType>,
  noticeOf: (detail: AuthorizationDetail) => Html | false = () => false,
): Html | false {
  if (details.length === 0 && applicationDetails.length === 0) return false;
  return html`${heading(details.length, 'intents')}
${details.map((detail) => intent(detail, noticeOf(detail)))}
${heading(applicationDetails.length, 'details')}
${applicationDetails.map((detail) => ofApplication(detail, types))}`;
}

function heading(count: number, what: string): Html | false {
  if (count === 0) return false;
  return html`<h2>${count === 1 ? 'Details' : `Details: ${count} ${what}, allowed together`}</h2>`;
}

function intent(detail: AuthorizationDetail, notice: Html | false): Html {
  const { title, sentences, lines } = describeAuthorizationDetail(detail);
  return html`<section aria-label="${title}">
<h3><bdi>${title}</bdi></h3>
${notice}
${sentences.map((sentence) => html`<p><bdi>${sentence}</bdi></p>`)}
<dl class="facts">${lines.map(({ label, value }) => fact(label, value))}
${fingerprint('Fingerprint of this intent', digestOfIntent(detail))}</dl>
</section>`;
}

/** Rendered by the rule of its type, without which a request is refused. */
function ofApplication(detail: ApplicationDetail, types: ReadonlyMap<string, ApplicationDetailType>): Html {
  const described = types.get(detail.type)?.describe?.(membersOfDetail(detail));
  if (described === undefined) throw new Error('an authorization detail has no description rule');
  const { title, lines } = described;
  return html`<section aria-label="${title}">
<h3><bdi>${title}</bdi></h3>
<dl class="facts">${lines.map(({ label, value }) => fact(label, value))}
${fact('Kind of detail', detail.type)}
${fingerprint('Fingerprint of this detail', digestOf(detail))}</dl>
</section>`;
}

function fingerprint(label: string, digest: string): Html {
  return html`<div><dt>${label}</dt><dd><code title="${digest}">${shortDigest(digest)}</code></dd></div>`;
}

/** Long enough to compare by eye or by telephone. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ');
}

export function fact(label: string, value: string): Html {
  return html`<div><dt>${label}</dt><dd><bdi>${value}</bdi></dd></div>`;
}

export function institutionName(lei: string, directory: DirectorySnapshot): string {
  const name = directory.institution(lei)?.name;
  return name === undefined || name === lei ? `LEI ${lei}` : `${name} (LEI ${lei})`;
}

/** `https://venue.example/orders, an interface of Venue (LEI ...)` */
export function interfaceWords(uri: string, directory: DirectorySnapshot): string {
  const lei = directory.resource(uri)?.institution;
  return `${uri}, an interface of ${lei === undefined ? 'an unknown institution' : institutionName(lei, directory)}`;
}
