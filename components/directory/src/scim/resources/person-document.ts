import { defined, type Json, membersOf } from '@countersign/kernel';
import { principalUrn } from '../schema/principal.ts';

type Document = { readonly [member: string]: Json };

export interface PersonFacts {
  readonly active: boolean;
  readonly roles: readonly string[];
  readonly desk: string | undefined;
  readonly federated: readonly { readonly issuer: string; readonly subject: string }[];
}

export function factsOf(document: Document): PersonFacts {
  const { active, roles, desk, federated } = document;
  return {
    active: active !== false,
    roles: textsOf(roles),
    desk: typeof desk === 'string' ? desk : undefined,
    federated: namesOf(federated),
  };
}

/**
 * Absent facts stay. A User whose `active` is cleared becomes inactive, because access that remains by mistake is
 * worse.
 */
export function factsIn(user: Document, before: PersonFacts): PersonFacts {
  const { active, roles } = user;
  const principal = membersOf(user[principalUrn]) ?? {};
  const desk = principal['desk'];
  return {
    active: active === undefined ? before.active : active === true,
    roles: itemsOf(roles).flatMap((role) => {
      const value = membersOf(role)?.['value'];
      return typeof value === 'string' ? [value] : [];
    }),
    desk: typeof desk === 'string' ? desk : undefined,
    federated: namesOf(principal['federatedIdentities']),
  };
}

export function documentWith(before: Document, facts: PersonFacts): Document {
  const { active, desk, signing_authority: signing, ...rest } = before;
  return {
    ...rest,
    ...(facts.active ? (active === true ? { active } : {}) : { active: false }),
    ...defined({ desk: facts.desk }),
    ...(signing === undefined || !facts.roles.includes('signatory') ? {} : { signing_authority: signing }),
    roles: [...facts.roles],
    federated: facts.federated.map(({ issuer, subject }) => ({ issuer, subject })),
  };
}

export function newPersonDocument(id: string, institution: string): Document {
  return { id, institution, roles: [], federated: [], credentials: [] };
}

function itemsOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}

function textsOf(json: Json | undefined): readonly string[] {
  return itemsOf(json).filter((item) => typeof item === 'string');
}

function namesOf(json: Json | undefined): PersonFacts['federated'] {
  return itemsOf(json).flatMap((item) => {
    const { issuer, subject } = membersOf(item) ?? {};
    return typeof issuer === 'string' && typeof subject === 'string' ? [{ issuer, subject }] : [];
  });
}
