export { createAskAccessToken, provisioningInterface } from './access-tokens.ts';
export { takeProvisioningTokens } from './guard.ts';
export { provisioningTokenEndpoint } from './issue.ts';
export {
  createProvisioningTokenRegister,
  type ProvisioningToken,
  type ProvisioningTokenRegister,
} from './register.ts';
export { readTokenText } from './token-text.ts';
