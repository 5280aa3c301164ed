import { createHmac } from 'node:crypto';
import { sha256 } from '@countersign/kernel';
import type { BrowserSecret } from '../browser.ts';
import type { InteractionKey } from './store.ts';

/** In URLs and forms; useless to another browser. */
export type InteractionId = string;

/** The same each time a browser loads the request. */
export function interactionOf(browser: BrowserSecret, request: string): InteractionId {
  return derive(browser, `interaction ${request}`).slice(0, 22);
}

export function parseInteractionId(value: string | undefined): InteractionId | undefined {
  return value !== undefined && /^[\w-]{22}$/.test(value) ? value : undefined;
}

export function keyOf(browser: BrowserSecret, interaction: InteractionId): InteractionKey {
  return { id: sha256(interaction), browser: sha256(browser) };
}

/** Derived rather than random, so that a second click gets the same code although only its hash is stored. */
export function codeOf(browser: BrowserSecret, interaction: InteractionId): string {
  return derive(browser, `code ${interaction}`);
}

/** Purpose of a CSRF token. */
export function consentFormOf(interaction: InteractionId, session: string): string {
  return `consent ${interaction} ${session}`;
}

function derive(browser: BrowserSecret, purpose: string): string {
  return createHmac('sha256', browser).update(`countersign ${purpose}`).digest('base64url');
}
