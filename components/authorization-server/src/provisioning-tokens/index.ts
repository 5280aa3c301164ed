export { acceptProvisioningTokens } from './guard.ts';
export { createAskAccessToken, provisioningInterface, provisioningTokenEndpoint } from './issue.ts';
export {
  createProvisioningTokenRegister,
  type ProvisioningToken,
  type ProvisioningTokenRegister,
  readTokenText,
} from './register.ts';
