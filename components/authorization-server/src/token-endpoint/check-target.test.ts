import { type Client, parseResourceUri, type Resource, type ResourceUri } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { impliedResource } from './check-target.ts';

const orders = uriOf('https://venue.example/orders');
const reports = uriOf('https://venue.example/reports');
const gone = uriOf('https://venue.example/gone');
const offers = new Map<ResourceUri, readonly string[]>([
  [orders, ['order:create', 'order:read']],
  [reports, ['report:read', 'order:read']],
]);

function implied(audiences: Client['audiences'], scopes: readonly string[]): string | undefined {
  const resource = (uri: ResourceUri) => {
    const offered = offers.get(uri);
    return offered === undefined ? undefined : ({ uri, scopes: offered } as Resource);
  };
  return impliedResource(scopes, { client: { audiences }, directory: { resource } })?.uri;
}

function uriOf(text: string): ResourceUri {
  const uri = parseResourceUri(text);
  if (uri === undefined) throw new Error(`${text} is no resource`);
  return uri;
}

describe('the interface of a request that names none', () => {
  it('is the client’s only one, whichever of its scopes are requested', () => {
    expect(implied([orders], ['order:read'])).toBe(orders);
    expect(implied([orders], [])).toBe(orders);
  });

  it('is the only one that offers all scopes', () => {
    expect(implied([orders, reports], ['order:create', 'order:read'])).toBe(orders);
    expect(implied([reports, orders], ['report:read'])).toBe(reports);
  });

  it('is undefined if several match, none matches, or the only one is no longer registered', () => {
    expect(implied([orders, reports], ['order:read'])).toBeUndefined();
    expect(implied([orders, reports], [])).toBeUndefined();
    expect(implied([orders, reports], ['order:create', 'report:read'])).toBeUndefined();
    expect(implied([orders], ['report:read'])).toBeUndefined();
    expect(implied([gone], ['order:read'])).toBeUndefined();
    expect(implied([], [])).toBeUndefined();
  });
});
