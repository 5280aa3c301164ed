import { createHmac } from 'node:crypto';
import { sha256 } from '@countersign/kernel';
import type { BrowserSecret } from '../browser.ts';
import type { InteractionKey } from './store.ts';

/** The identifier of an interaction in URLs and forms; useless to another browser. */
export type InteractionId = string;

/** Identifies the interaction for one request in one browser; the same each time the page is loaded. */
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
 * The one code of an interaction. It is derived rather than random, so that a second click gets the same code although only
 * its hash is stored.
 */
export function codeOf(browser: BrowserSecret, interaction: InteractionId): string {
  return derive(browser, `code ${interaction}`);
}

/** The purpose of a CSRF token: this interaction, while this session is signed in. */
export function consentFormOf(interaction: InteractionId, session: string): string {
  return `consent ${interaction} ${session}`;
}

function derive(browser: BrowserSecret, purpose: string): string {
  return createHmac('sha256', browser).update(`countersign ${purpose}`).digest('base64url');
}
