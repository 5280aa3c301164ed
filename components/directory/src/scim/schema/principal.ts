import { attribute, type Schema } from './attribute.ts';

export const principalUrn = 'urn:countersign:scim:schemas:1.0:Principal';

export const principalSchema: Schema = {
  id: principalUrn,
  name: 'Principal',
  description: 'What a User is in the directory',
  attributes: [
    attribute('principal', 'Id of the principal, e.g. person:anna.keller.', { mutability: 'readOnly' }),
    attribute('institution', 'LEI (ISO 17442) of the institution.', { mutability: 'readOnly' }),
    attribute('desk', 'Name of a desk of the institution. Changing it is a move.'),
    attribute('federatedIdentities', "The person's accounts at identity providers. Never returned.", {
      type: 'complex',
      multiValued: true,
      mutability: 'writeOnly',
      returned: 'never',
      subAttributes: [
        attribute('issuer', 'Issuer of the identity provider.', {
          required: true,
          mutability: 'writeOnly',
          returned: 'never',
        }),
        attribute('subject', 'Its name for the person.', {
          required: true,
          mutability: 'writeOnly',
          returned: 'never',
        }),
      ],
    }),
  ],
};
