export { CurrentActor, CurrentLease, requireActor } from './current-actor';
export {
  AccessTokenVerifier, // part:strangler
  TokenAlgorithms,
  TokenTypes,
  type AccessTokenRules,
  type AdmittedCaller,
} from './http/access-token.verifier';
export { bearerTokenOf } from './http/bearer-token'; // part:strangler
export { InvalidToken } from './http/challenges';
export { hasExpired, leaseEnd } from './http/lease-end';
export { RequireScopes } from './http/scopes.guard';
export { internalJwksSetting, readSigningKey, signingKeySetting } from './rpc/internal-keys';
export { InternalTokenIssuer, type InternalCall } from './rpc/internal-token';
export { sealingKeySetting } from './sealing/sealing-key';
export { TokenSealer } from './sealing/token-sealer';
export { SecurityModule, type HttpSecurity, type RpcSecurity } from './security.module';
