import { attribute, type Schema } from './attribute.ts';

export const groupUrn = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** Microsoft Entra ID sends this schema URN, without any attribute of it. */
export const entraGroupUrn = 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group';

/** RFC 7643 section 4.2: a desk of the institution with its people. */
export const groupSchema: Schema = {
  id: groupUrn,
  name: 'Group',
  description: 'A desk of the institution. Its entitlements come from a directory file; a desk created here has none.',
  attributes: [
    attribute('displayName', 'Name of the desk.', { required: true, mutability: 'immutable', uniqueness: 'server' }),
    attribute(
      'members',
      'The people of the desk. A person has one desk, so adding a person removes them from another.',
      {
        type: 'complex',
        multiValued: true,
        subAttributes: [
          attribute('value', 'Id of the User.', { required: true, mutability: 'immutable' }),
          attribute('$ref', 'Address of the User.', {
            type: 'reference',
            referenceTypes: ['User'],
            mutability: 'readOnly',
          }),
          attribute('display', 'userName of the User.', { mutability: 'readOnly' }),
          attribute('type', 'User', { canonicalValues: ['User'], mutability: 'readOnly' }),
        ],
      },
    ),
  ],
};
