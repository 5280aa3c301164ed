import { errorVocabulary } from '@countersign/kernel';

/** `scim-errors.ts` maps them to RFC 7644 section 3.12. */
export const scimErrors = errorVocabulary({
  scim_syntax_invalid: 'invalid',
  scim_filter_invalid: 'invalid',
  /** RFC 7644 section 4: discovery resources do not support filters. */
  scim_filter_refused: 'forbidden',
  scim_path_invalid: 'invalid',
  scim_value_invalid: 'invalid',
  /** A path whose filter selects no value to change. */
  scim_no_target: 'invalid',
  /** A required, read-only or immutable attribute. */
  scim_attribute_immutable: 'invalid',
  scim_name_taken: 'conflict',
  scim_resource_unknown: 'not-found',
  /** The resource has another version than `If-Match` names. */
  scim_version_stale: 'conflict',
  /** A role that this interface may not assign. */
  scim_role_not_assignable: 'forbidden',
  /** This interface may not change how a holder of such a role signs in. */
  scim_identity_protected: 'forbidden',
  /** Provisioning one's own account is refused. */
  scim_self_change: 'forbidden',
  scim_too_many: 'too-large',
  /** The resource exists but does not support this method. */
  scim_method_not_allowed: 'invalid',
  /** Bulk operations that depend on each other in a circle, or on one that failed. */
  scim_bulk_reference: 'conflict',
  /** Concurrent changes of the resource did not stop. */
  scim_contended: 'unavailable',
});
