import { attribute, type Schema } from './attribute.ts';

export const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';

const readOnly = { mutability: 'readOnly' } as const;

/** The stored part of RFC 7643 section 4.1, without personal data. */
export const userSchema: Schema = {
  id: userUrn,
  name: 'User',
  description: 'A person of the institution',
  attributes: [
    attribute('userName', 'Name of the principal, without person:. Lower case letters, digits, ., _ and -.', {
      required: true,
      caseExact: false,
      mutability: 'immutable',
      uniqueness: 'server',
    }),
    attribute('active', 'False: no authority, but the entry remains. A person who becomes inactive departs.', {
      type: 'boolean',
    }),
    attribute('roles', 'Roles of the person. Some cannot be assigned through SCIM.', {
      type: 'complex',
      multiValued: true,
      subAttributes: [attribute('value', 'E.g. trader.', { required: true })],
    }),
    attribute('groups', 'The desk the person works at.', {
      type: 'complex',
      multiValued: true,
      ...readOnly,
      subAttributes: [
        attribute('value', 'Id of the group.', readOnly),
        attribute('$ref', 'Address of the group.', { type: 'reference', referenceTypes: ['Group'], ...readOnly }),
        attribute('display', 'Name of the desk.', readOnly),
        attribute('type', 'direct', { canonicalValues: ['direct'], ...readOnly }),
      ],
    }),
  ],
};

/**
 * Accepted but not stored, so that personal data stays outside. `password` and `x509Certificates` are refused: their
 * senders rely on them to take effect.
 */
export const unkeptUserAttributes: readonly string[] = [
  'name',
  'displayName',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
  'emails',
  'phoneNumbers',
  'ims',
  'photos',
  'addresses',
  'entitlements',
];
export const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
