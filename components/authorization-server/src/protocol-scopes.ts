import { type GrantTerms, type ProtocolScope, protocolScopes } from '@countersign/contracts';
import { isScope } from '@countersign/market';

export function isProtocolScope(text: string): text is ProtocolScope {
  return protocolScopes.some((scope) => scope === text);
}

export function isGrantScope(text: string): text is GrantTerms['scopes'][number] {
  return isScope(text) || isProtocolScope(text);
}
