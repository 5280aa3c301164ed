import { createHmac } from 'node:crypto';
import { sha256 } from '@countersign/kernel';
import type { BrowserSecret } from '../browser.ts';
import type { InteractionKey } from './store.ts';

/** The name of an interaction in URLs and forms; of no use to another browser. */
export type InteractionId = string;

/** The interaction about one request in one browser: the same however often the page is loaded. */
export function interactionOf(browser: BrowserSecret, request: string): InteractionId {
  return derive(browser, `interaction ${request}`).slice(0, 22);
}

export function parseInteractionId(value: string | undefined): InteractionId | undefined {
  return value !== undefined && /^[\w-]{22}$/.test(value) ? value : undefined;
}

export function keyOf(browser: BrowserSecret, interaction: InteractionId): InteractionKey {
  return { id: sha256(interaction), browser: sha256(browser) };
}

/**
 * The one code of an interaction. It is derived and not drawn, so that the second of two clicks can be answered with
 * the same code, of which only the hash is kept.
 */
export function codeOf(browser: BrowserSecret, interaction: InteractionId): string {
  return derive(browser, `code ${interaction}`);
}

/** Which form a CSRF token is for: of this interaction, while this session is signed in. */
export function consentFormOf(interaction: InteractionId, session: string): string {
  return `consent ${interaction} ${session}`;
}

function derive(browser: BrowserSecret, purpose: string): string {
  return createHmac('sha256', browser).update(`countersign ${purpose}`).digest('base64url');
}
