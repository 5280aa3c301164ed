import { errorVocabulary } from '@countersign/kernel';

/** What the SCIM interface refuses by itself; `http/scim-errors.ts` says each in the words of RFC 7644 section 3.12. */
export const scimErrors = errorVocabulary({
  scim_syntax_invalid: 'invalid',
  scim_filter_invalid: 'invalid',
  /** RFC 7644 section 4: what describes the interface is not filtered. */
  scim_filter_refused: 'forbidden',
  scim_path_invalid: 'invalid',
  scim_value_invalid: 'invalid',
  /** A path whose filter selects nothing that could be changed. */
  scim_no_target: 'invalid',
  /** A required, read-only or immutable attribute. */
  scim_attribute_immutable: 'invalid',
  scim_name_taken: 'conflict',
  scim_resource_unknown: 'not-found',
  /** The resource is no longer the one that `If-Match` names. */
  scim_version_stale: 'conflict',
  /** A role that is not given through this interface. */
  scim_role_not_assignable: 'forbidden',
  /** How somebody with such a role signs in is not said through this interface. */
  scim_identity_protected: 'forbidden',
  /** Nobody provisions themselves. */
  scim_self_change: 'forbidden',
  scim_too_many: 'too-large',
  /** The resource is known, and this is not done with it. */
  scim_method_not_allowed: 'invalid',
  /** Operations of a bulk request that need one another to be done first, or one that failed. */
  scim_bulk_reference: 'conflict',
  /** Others kept changing the resource while it was being changed. */
  scim_contended: 'unavailable',
});
